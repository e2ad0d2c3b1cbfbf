// BullMQ: Node on Redis lists, with ioredis.
import { about, body, load, main, produce } from './protocol.mjs'

const { Queue, Worker } = load('bullmq')
const connection = (order) => ({ host: '127.0.0.1', port: Number(new URL(order.url).port), maxRetriesPerRequest: null })

main({
  about: about('no tenants, no timeouts; ended jobs are kept for ever', [
    ['LLEN', 'bull:bench:wait'],
    ['LLEN', 'bull:bench:active'],
    ['ZCARD', 'bull:bench:delayed'],
  ]),
  async produce(order) {
    const queue = new Queue('bench', { connection: connection(order) })
    await produce(
      order,
      (payload, delay) => queue.add('job', payload, delay ? { delay } : {}),
      (payloads) => queue.addBulk(payloads.map((data) => ({ name: 'job', data }))),
    )
    await queue.close()
  },
  async work(order) {
    const options = { connection: connection(order), concurrency: order.concurrency }
    new Worker('bench', (job) => body(job.data), options)
  },
})
