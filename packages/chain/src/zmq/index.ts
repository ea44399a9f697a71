export { cookieFile } from './cookie-file.ts';
export {
  type ZmqNotification,
  type ZmqNotifications,
  zmqNotifications,
  type ZmqNotificationsOptions,
  type ZmqTopic,
} from './notifications.ts';
