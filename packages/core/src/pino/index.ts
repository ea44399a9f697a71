export { type PinoLike, pinoLogger } from './pino-logger.ts';
