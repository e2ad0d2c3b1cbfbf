// What protocol.py is, for Node: the same orders, the same bodies, the same clock.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import readline from 'node:readline'

const BULK = 500

/** A package of the rival's own environment. */
export const load = createRequire(path.join(process.env.COTIZA_BENCH_ENVIRONMENT ?? '.', 'package.json'))

/** Seconds of the machine's monotonic clock. */
const now = () => Number(process.hrtime.bigint()) / 1e9
const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')

export async function main(engine) {
  const [verb, given] = process.argv.slice(2)
  if (verb === 'about') return say(engine.about)
  const order = JSON.parse(given)
  if (verb === 'produce') {
    await engine.produce(order)
    process.exit(0)
  }
  say({ ready: process.pid })
  await new Promise((go) => readline.createInterface({ input: process.stdin }).once('line', go).once('close', () => process.exit(0)))
  await engine.work(order)
}

let journal
let ran = false

function note(fields) {
  journal ??= fs.openSync(process.env.COTIZA_BENCH_JOURNAL, 'a', 0o600)
  fs.writeSync(journal, JSON.stringify(fields) + '\n')
}

/** A job: its payload is what protocol.py's payload_of makes. */
export async function body(payload) {
  if (payload.at) note({ late: now() - payload.at })
  else if (!ran) {
    ran = true
    note({ first: now(), pid: process.pid })
  }
  if (payload.do === 'sleep') await sleep(payload.amount)
  if (payload.do === 'cpu') return burn(payload.amount)
  return payload.do === 'echo' ? payload.pad : 1
}

function burn(rounds) {
  let value = 1
  for (let n = 0; n < rounds; n++) value = (Math.imul(value, 31) + n) >>> 0
  return value
}

function payloadOf(order, dueInS = 0) {
  const stamped = order.mode === 'paced' || order.mode === 'delayed'
  return { do: order.do, amount: order.amount, at: stamped ? now() + dueInS : 0, pad: 'x'.repeat(order.pad) }
}

/** Enqueue as ordered: put(payload, delay in ms), putMany(payloads). */
export async function produce(order, put, putMany) {
  const stamped = order.mode === 'paced' || order.mode === 'delayed'
  const early = stamped ? 0 : Math.min(2 * order.callers, Math.floor(order.count / 10))
  await many(order, put, early)
  const began = now()
  const cpu = process.cpuUsage()
  if (stamped) await paced(order, put)
  else if (order.mode === 'bulk') {
    for (let first = early; first < order.count; first += BULK) {
      const size = Math.min(BULK, order.count - first)
      await putMany(Array.from({ length: size }, () => payloadOf(order)))
    }
  } else await many(order, put, order.count - early)
  const { user, system } = process.cpuUsage(cpu)
  say({ jobs: order.count - early, seconds: now() - began, cpu_s: (user + system) / 1e6 })
}

async function many(order, put, count) {
  let left = count
  const caller = async () => {
    while (left-- > 0) await put(payloadOf(order), 0)
  }
  await Promise.all(Array.from({ length: order.callers }, caller))
}

async function paced(order, put) {
  for (let n = 0; n < order.count; n++) {
    const delay = order.mode === 'delayed' ? order.delay_ms + Math.floor((order.delay_ms * n) / order.count) : 0
    await put(payloadOf(order, delay / 1000), delay)
    if (order.mode === 'paced') await sleep(order.interval_ms)
  }
}

/** What About is in protocol.py. */
export const about = (skips, left, more = {}) => ({ skips, left, bulk: true, enqueue_jobs: 20000, drain_jobs: 20000, ...more })
