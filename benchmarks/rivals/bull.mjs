// Bull: Node on Redis lists, with ioredis.
import { about, body, load, main, produce } from './protocol.mjs'

const Bull = load('bull')

main({
  about: about('no tenants; ended jobs are kept for ever', [
    ['LLEN', 'bull:bench:wait'],
    ['LLEN', 'bull:bench:active'],
    ['ZCARD', 'bull:bench:delayed'],
  ]),
  async produce(order) {
    const queue = new Bull('bench', order.url)
    await produce(
      order,
      (payload, delay) => queue.add(payload, delay ? { delay } : {}),
      (payloads) => queue.addBulk(payloads.map((data) => ({ data }))),
    )
    await queue.close()
  },
  async work(order) {
    const queue = new Bull('bench', order.url)
    await queue.process(order.concurrency, (job) => body(job.data))
  },
})
