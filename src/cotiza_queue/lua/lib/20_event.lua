-- What is announced of a job: one capped stream a queue, read by waits, SSE and the dashboard.
local event = {}

function event.emit(q, id, tenant, name, data)
  redis.call('XADD', q.prefix .. 'events', 'MAXLEN', '~', 10000, '*',
    'job', id, 'tenant', tenant, 'name', name, 'data', data or '')
end
