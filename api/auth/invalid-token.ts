import { OrderSystemError } from '../../domain/errors.ts';

/** A request that carries a token, or something in the place of one, with which nobody is let in. */
export class InvalidToken extends OrderSystemError {
  /** @param reason for the caller; tells nothing of keys or of what a token without a good signature claims */
  constructor(reason: string) {
    super('UNAUTHENTICATED', reason);
  }
}

/**
 * The same where nobody learns whether a signature would be good: the signature is good, and the token has expired or is
 * not meant for us; or no key was tried on it, because none is known that it names.
 */
export class NoGuess extends InvalidToken {}
