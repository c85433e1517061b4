import { OrderSystemError } from '../../domain/errors.ts';

/** A caller who asked too often, and when to come again. */
export class RateLimited extends OrderSystemError {
  readonly retryAfterSeconds: number;
  constructor(message: string, resetTime: Date | undefined) {
    const seconds = Math.max(1, Math.ceil(((resetTime?.getTime() ?? 0) - Date.now()) / 1_000));
    super('RATE_LIMITED', `${message}; come again in ${seconds} s`);
    this.retryAfterSeconds = seconds;
  }
}
