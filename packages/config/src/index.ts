export type { SettingsEnvironment } from './border/environment.ts';
export type { SettingsFile } from './border/file.ts';
export type { SchemaIssue, SchemaResult, SettingsSchema } from './border/schema.ts';
export { secret, type SecretSchemaOptions } from './border/secret-schema.ts';
export { ConfigError, type ConfigErrors, type FieldProblem } from './errors.ts';
export { loadSettings, type SettingsSources } from './flows/load-settings.ts';
export { isSecret, Secret } from './model/secret.ts';
export type { SecretResolver } from './ports/secret-resolver.ts';
