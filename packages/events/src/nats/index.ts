export { type NatsBrokerOptions, openNatsBroker } from './nats-broker.ts';
