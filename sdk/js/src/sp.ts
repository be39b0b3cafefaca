/**
 * SP, the wire protocol of nng, on a stream of bytes.
 *
 * Each side says hello at once: `00 'S' 'P' 00`, its role as 16 bits, `00 00`. Then come messages: over a Unix socket a
 * byte 01, everywhere the length as 64 bits, and so many bytes. Numbers are big-endian. A request and its reply begin
 * with the request's id: four bytes, the highest bit set.
 */

export const PUB = 0x20;
export const SUB = 0x21;
export const REQ = 0x30;
export const REP = 0x31;
export const HELLO_BYTES = 8;
export const ID_BYTES = 4;
export const ID_BIT = 0x80000000;
const MOST_MESSAGE_BYTES = 64 * 1024 * 1024;
const PEERS = new Map([[REQ, REP], [SUB, PUB], [REP, REQ], [PUB, SUB]]);

/** The other side speaks something else. */
export class NotSP extends Error {}

export function hello(role: number): Buffer {
  return Buffer.from([0, 0x53, 0x50, 0, role >> 8, role & 0xff, 0, 0]);
}

/** The role that a socket of "role" talks to. */
export function peerOf(role: number): number {
  return PEERS.get(role) ?? 0;
}

/** What stands before a message of "size" bytes. */
export function header(ipc: boolean, size: number): Buffer {
  const bytes = Buffer.alloc(ipc ? 9 : 8);
  if (ipc) bytes[0] = 1;
  bytes.writeBigUInt64BE(BigInt(size), ipc ? 1 : 0);
  return bytes;
}

/**
 * Takes a stream apart that comes in pieces of any size.
 *
 * No memory is taken for bytes that have only been announced.
 */
export class Splitter {
  readonly #ipc: boolean;
  readonly #most: number;
  readonly #header: number;
  #chunks: Buffer[] = [];
  #have = 0;
  #need: number;

  constructor(ipc: boolean, most = MOST_MESSAGE_BYTES) {
    this.#ipc = ipc;
    this.#most = most;
    this.#header = ipc ? 9 : 8;
    this.#need = this.#header;
  }

  /** The messages that are whole by now. Throws NotSP for what is none. */
  feed(data: Buffer): Buffer[] {
    this.#chunks.push(data);
    this.#have += data.length;
    // The first byte of a message is looked at as soon as it is there: garbage that is shorter than a header would be
    // waited behind for ever.
    if (this.#have < this.#need) {
      if (this.#ipc && this.#chunks[0].length > 0 && this.#chunks[0][0] !== 1) throw new NotSP("a message does not begin with the byte 1");
      return [];
    }
    const buffer = this.#chunks.length === 1 ? data : Buffer.concat(this.#chunks);
    const messages: Buffer[] = [];
    const at = this.#cut(buffer, messages);
    const rest = buffer.subarray(at);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#have = rest.length;
    return messages;
  }

  /** Where the first message begins that is not whole. */
  #cut(buffer: Buffer, messages: Buffer[]): number {
    for (let at = 0; ; ) {
      const begin = at + this.#header;
      if (this.#ipc && buffer.length > at && buffer[at] !== 1) throw new NotSP("a message does not begin with the byte 1");
      if (buffer.length < begin) {
        this.#need = this.#header;
        return at;
      }
      const size = buffer.readUInt32BE(begin - 8) * 2 ** 32 + buffer.readUInt32BE(begin - 4);
      if (size > this.#most) throw new NotSP(`a message of ${size} bytes is announced`);
      if (buffer.length < begin + size) {
        this.#need = this.#header + size;
        return at;
      }
      at = begin + size;
      messages.push(buffer.subarray(begin, at));
    }
  }
}
