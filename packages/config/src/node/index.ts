export { type AppSettingsOptions, loadAppSettings } from './load-app-settings.ts';
