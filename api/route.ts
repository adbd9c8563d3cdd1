import { z } from '@hono/zod-openapi'
import type { Tx } from '../db/client.ts'
import type { Mode } from '../domain/api-key.ts'
import type { DomainReason } from '../domain/error.ts'
import type { Plan, RateClass } from '../domain/plan.ts'
import type { Scope } from '../domain/scope.ts'
import type { ApiDeps } from './deps.ts'
import { parseBody, parseInput } from './input.ts'

/** Who calls: what the gateway knows of the key. Every query names `accountId`. */
export type Caller = {
  keyId: string
  accountId: string
  mode: Mode
  /** The one customer whom a bound key may see; null for an unbound key. */
  customerId: string | null
  scopes: readonly string[]
  plan: Plan
  /** The account's default currency, business zone, and whether orders need an Idempotency-Key. */
  currency: string
  timeZone: string
  requireIdempotencyKey: boolean
}

/** A scope, any valid key, or nobody in particular. */
export type Access = Scope | 'any_key' | 'public'

/**
 * `none`: safe or idempotent by itself. `key24h`: with an `Idempotency-Key` the gateway runs it
 * once and repeats the answer for 24 hours; the handler must do all its writes in `call.tx`.
 * `keyForEver`: the same, kept for ever, because what it moves is money.
 * `createOrder`: the handler hands `call.idempotencyKey` to the acceptance, which keeps it for ever.
 */
export type Idempotency = 'none' | 'key24h' | 'keyForEver' | 'createOrder'

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'

/** JSON by a schema, bytes of named media types, or no body. `headers`: name → description. */
export type ResponseSpec = {
  description: string
  schema?: z.ZodType
  media?: readonly string[]
  headers?: Readonly<Record<string, string>>
}

export type Headers = Record<string, string>

/** What a handler answers. The statuses and bodies are those that the route declares. */
export type Answer = Free &
  (
    | { status: number; body: unknown; headers?: Headers }
    | { status: number; bytes: Uint8Array; contentType: string; headers?: Headers }
    | { status: number; headers?: Headers }
  )

/** An answer in its final bytes, as it is sent, and stored for its Idempotency-Key. */
export type Printed = {
  status: number
  headers: Headers
  body: string | Uint8Array | null
  /** Whether the plan's windows shall not count it. */
  free?: boolean
}

/** An answer that the plan's hour and day do not count; the second does. */
type Free = { free?: boolean }

type AnswerOf<Responses> = Free &
  {
    [Status in keyof Responses & number]: Responses[Status] extends { schema: infer Schema }
      ? { status: Status; body: z.input<Schema>; headers?: Headers }
      : Responses[Status] extends { media: readonly string[] }
        ? { status: Status; bytes: Uint8Array; contentType: string; headers?: Headers }
        : { status: Status; headers?: Headers }
  }[keyof Responses & number]

/** A body that is no JSON. */
export type RequestFile = { bytes: Uint8Array; media: string }

/** What every request carries, whatever its route. */
type CallBase = {
  requestId: string
  /** The client's network address, for audit rows. */
  address: string
  /** The validated `Idempotency-Key`, or null. */
  idempotencyKey: string | null
  /** The body of a route that takes a file; empty when none was sent. */
  file: RequestFile | null
  /** A request header by its lower-case name. */
  header(name: string): string | undefined
}

/** A request as the gateway hands it to `Route.respond`, before the schemas have seen it. */
export type RawCall = CallBase & {
  caller: Caller | null
  params: Readonly<Record<string, string>>
  query: Readonly<Record<string, string>>
  body: unknown
  tx: Tx | null
}

/** The second argument of a handler. `input` is what the schemas made of the request. */
export type Call<
  Params = unknown,
  Query = unknown,
  Body = unknown,
  Acc extends Access = Access,
  Idem extends Idempotency = Idempotency,
> = CallBase & {
  operationId: string
  caller: Acc extends 'public' ? null : Caller
  input: { params: Params; query: Query; body: Body }
} & (Idem extends 'key24h' | 'keyForEver' ? { tx: Tx } : unknown)

/** What a route declares. A route that leaves one of these out does not type-check, or start. */
type Declaration<Acc, Idem, Responses> = {
  /** verbNoun: the name of the SDK method. */
  operationId: string
  method: Method
  /** With `{name}` for parameters. */
  path: `/${string}`
  tag: string
  summary: string
  description?: string
  access: Acc
  /** `read` for every GET. */
  rateClass: RateClass
  idempotency: Idem
  responses: Responses
  /** What this route refuses beyond what every route may: see `COMMON_REASONS` in openapi.ts. */
  errors: readonly DomainReason[]
  /** The body is a file of one of these media types instead of JSON; the handler gets `call.file`. */
  file?: { media: readonly string[]; bytesMax: number }
  /** How large the JSON body may be; `BODY_BYTES_MAX` when left out. */
  bodyBytesMax?: number
  /**
   * After the commit, also of a repeated call: waits for an outcome as the client prefers, and
   * prints it. The answer that the key keeps is the one from before.
   */
  settle?: (deps: ApiDeps, call: RawCall, printed: Printed) => Promise<Printed>
  /** A strong ETag from the body, `If-None-Match` → 304. */
  entityTag?: boolean
  /** Has a share of the process of its own when everything else is refused as `busy`. */
  reserved?: boolean
}

type Schemas = { params: z.ZodType; query: z.ZodType; body: z.ZodType | null }

/** A route that the gateway can run without knowing its types. */
export type Route = Declaration<Access, Idempotency, Readonly<Record<number, ResponseSpec>>> & {
  schemas: Schemas
  respond(deps: ApiDeps, raw: RawCall): Promise<Answer>
}

const nothing = z.strictObject({})

/**
 * One route: what it declares, and the handler, which does four things: authorize (beyond the
 * scope, that is to say by owner), call one thing, print. Schemas are strict objects; what they
 * refuse is 400 in path, query and headers, and 422 with the field's name in the body.
 */
export function route<
  const Responses extends Readonly<Record<number, ResponseSpec>>,
  const Acc extends Access,
  const Idem extends Idempotency,
  Params extends z.ZodType = typeof nothing,
  Query extends z.ZodType = typeof nothing,
  Body extends z.ZodType = z.ZodNull,
>(
  spec: Declaration<Acc, Idem, Responses> & {
    params?: Params
    query?: Query
    body?: Body
    handler(
      deps: ApiDeps,
      call: Call<z.output<Params>, z.output<Query>, z.output<Body>, Acc, Idem>,
    ): Promise<AnswerOf<NoInfer<Responses>>>
  },
): Route {
  const { handler, params, query, body, ...declared } = spec
  const schemas = { params: params ?? nothing, query: query ?? nothing, body: body ?? null }
  return {
    ...declared,
    schemas,
    respond(deps, raw) {
      const call = {
        ...raw,
        operationId: spec.operationId,
        input: {
          params: parseInput(schemas.params, raw.params, 'path'),
          query: parseInput(schemas.query, raw.query, 'query'),
          body: parseBody(schemas.body, raw.body),
        },
      }
      return handler(deps, asDeclared(call))
    },
  }
}

/**
 * Holds because `schemas` are the spec's own (an absent one has the type parameter's default), and
 * because app.ts checks a key for every access but `public` and opens a transaction for `key24h` and `keyForEver`.
 */
function asDeclared<Declared>(call: unknown): Declared {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- the comment above says why
  return call as Declared
}
