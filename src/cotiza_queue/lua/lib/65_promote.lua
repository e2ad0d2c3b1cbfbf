-- The delayed jobs that are due go to their lanes, a page at a time.
-- Returns when the next one is due, nil if there is none.
function delayed.promote(q)
  delayed.flush(q)
  local moment = delayed.next_due(q)
  if not moment or moment > q.now then return moment end
  local due = redis.call('ZRANGEBYSCORE', q.prefix .. 'delayed', '-inf', q.now, 'LIMIT', 0, delayed.page)
  job.fetch(q, due)
  tenant.fetch_of(q, due)
  redis.call('ZREM', q.prefix .. 'delayed', unpack(due))
  queue.count(q, 'delayed', -#due)
  for i = 1, #due do
    local id = due[i]
    local j = job.read(q, id)
    if j then
      history.note(q, j, 'waiting', 'promote')
      intake.place(q, j, lane.home(j.lane), 0)
      event.emit(q, id, j.tenant, 'waiting')
    end
  end
  return delayed.next_due(q)
end
