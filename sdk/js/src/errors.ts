/**
 * Errors: one class for each `E_` name of the protocol, and for what a client finds itself.
 *
 * Every error is a DomedError; `code` is its `E_` name, `fields` what the daemon said beside it (`head`, `first`,
 * `log_id`, `retry_ms`, ...), `retryable` whether the same request may succeed later.
 */

export type Fields = Record<string, unknown>;

/** What a daemon refused, or what kept it from being asked. */
export class DomedError extends Error {
  static readonly code: string = "E_INTERNAL";
  static readonly retryable: boolean = false;
  readonly code: string;
  readonly fields: Fields;

  constructor(message = "", fields: Fields = {}, code = "") {
    super(message);
    const kind = new.target as typeof DomedError;
    this.name = kind.name;
    this.code = code || kind.code;
    this.fields = fields;
  }

  /** What the daemon said, else what the code says. */
  get retryable(): boolean {
    const said = this.fields.retryable;
    return typeof said === "boolean" ? said : (this.constructor as typeof DomedError).retryable;
  }

  /** In how many milliseconds the daemon wants to see the request again. */
  get retryAfter(): number | undefined {
    const wait = this.number("retry_ms");
    return wait === undefined ? undefined : Math.min(Math.max(wait, 1), 60_000);
  }

  /** A field that is a whole number, such as `head`. */
  number(field: string): number | undefined {
    const value = this.fields[field];
    return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  }
}

export class InvalidRequest extends DomedError {
  static override readonly code = "E_INVALID_REQUEST";
}

export class UnknownMethod extends DomedError {
  static override readonly code = "E_UNKNOWN_METHOD";
}

export class NotFound extends DomedError {
  static override readonly code = "E_NOT_FOUND";
}

/** Several jobs may be meant (`job_ids`). */
export class Ambiguous extends DomedError {
  static override readonly code = "E_AMBIGUOUS";
}

/** The job was deleted (`state`, `head`). */
export class Gone extends DomedError {
  static override readonly code = "E_GONE";
}

/** Another log than the one that was followed (`log_id`, `first`, `head`). */
export class LogChanged extends DomedError {
  static override readonly code = "E_LOG_CHANGED";
}

/** The cursor lies beyond the log's `head`. */
export class CursorAhead extends DomedError {
  static override readonly code = "E_CURSOR_AHEAD";
}

/** The events behind the cursor were trimmed (`first`, `head`). */
export class Compacted extends DomedError {
  static override readonly code = "E_COMPACTED";
}

/** The key names another request, or an imported job (`job_id`, `imported`). */
export class IdempotencyKeyReused extends DomedError {
  static override readonly code = "E_IDEMPOTENCY_KEY_REUSED";
}

/** A wrong producer token. */
export class Unauthorized extends DomedError {
  static override readonly code = "E_UNAUTHORIZED";
}

/** Whoever asks may not (`identity`, `role`, `needs`). */
export class Forbidden extends DomedError {
  static override readonly code = "E_FORBIDDEN";
}

export class BatchMismatch extends DomedError {
  static override readonly code = "E_BATCH_MISMATCH";
}

/** The batch before did not come in time (`expected`). */
export class BatchGap extends DomedError {
  static override readonly code = "E_BATCH_GAP";
  static override readonly retryable = true;
}

/** The job is over (`state`, `head`). */
export class Sealed extends DomedError {
  static override readonly code = "E_SEALED";
}

export class InvalidTransition extends DomedError {
  static override readonly code = "E_INVALID_TRANSITION";
}

export class TooLarge extends DomedError {
  static override readonly code = "E_TOO_LARGE";
}

export class PolicyDenied extends DomedError {
  static override readonly code = "E_POLICY_DENIED";
}

/** A bound is reached, and nothing was done (`retry_ms`). */
export class Busy extends DomedError {
  static override readonly code = "E_BUSY";
  static override readonly retryable = true;
}

export class Starting extends DomedError {
  static override readonly code = "E_STARTING";
  static override readonly retryable = true;
}

/** The store failed; retryable, or damaged data (`job_id`, `seq`). */
export class StoreFailed extends DomedError {
  static override readonly code = "E_STORE";
}

export class InternalError extends DomedError {
  static override readonly code = "E_INTERNAL";
}

/** No daemon, or no answer in time. Whether the request was done is not known. */
export class Unreachable extends DomedError {
  static override readonly code = "E_UNREACHABLE";
  static override readonly retryable = true;
  /** No daemon was met since the client was made: that is not waited out. */
  neverThere = false;
  /** There was no connection to send it over: nothing was done. */
  unsent = false;
}

/** The socket belongs to another user; nothing was sent. */
export class Untrusted extends DomedError {
  static override readonly code = "E_UNTRUSTED";
}

/** An answer that is none. */
export class ProtocolError extends DomedError {
  static override readonly code = "E_PROTOCOL";
}

/** The events that came are not those of which the daemon tells the digest. */
export class DigestMismatch extends DomedError {
  static override readonly code = "E_DIGEST";
}

/** The time that the caller gave was over. */
export class TimedOut extends DomedError {
  static override readonly code = "E_TIMEOUT";
}

const BY_CODE = new Map<string, typeof DomedError>(
  [
    InvalidRequest, UnknownMethod, NotFound, Ambiguous, Gone, LogChanged, CursorAhead, Compacted, IdempotencyKeyReused,
    Unauthorized, Forbidden, BatchMismatch, BatchGap, Sealed, InvalidTransition, TooLarge, PolicyDenied, Busy, Starting,
    StoreFailed, InternalError,
  ].map((each) => [each.code, each]),
);

/** Who answers so cannot do now what is asked of it; another node on the same store may. */
export function isUnwell(error: DomedError): boolean {
  if (error.code === "E_BUSY") return error.fields.stopping === true;
  return error.code === "E_STARTING" || (error.code === "E_STORE" && error.retryable);
}

/** The error that a daemon names; a name that is not known here is a plain DomedError. */
export function errorOf(code: string, message: string, fields: Fields): DomedError {
  return new (BY_CODE.get(code) ?? DomedError)(message, fields, code);
}
