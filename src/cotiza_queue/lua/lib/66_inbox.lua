-- The inbox: a plain job that a call brings alone is written down there in one piece. The next call that may change the
-- queue, whatever it does, gives it its place first, and so does a call that would be one too many: what placing costs
-- once is paid for many. A list of `fields` values a job: when it came, what is asked for, its body.
local inbox = { most = 100, fields = 3 }

local function key_of(prefix) return prefix .. 'inbox' end

-- What is no job was not written by us: nothing is taken out before the doctor has mended it (81_audit_inbox.lua).
local function take_in(q, list)
  local whole, fault = #list % inbox.fields == 0, 'one is cut off'
  if whole then whole, fault = pcall(intake.page, q, list, inbox.fields) end
  if whole then return end
  local said = type(fault) == 'table' and fault.err or fault
  local by_server = string.find(said, '^%u%u+ ')
  error({ err = by_server and said or 'WRONGTYPE no job lies in the inbox: ' .. said })
end

-- What is there gets its place with all that the call does. It is taken out last of all: should the call be broken off,
-- what has a place is known the next time.
function inbox.empty(q)
  local list = redis.call('LRANGE', key_of(q.prefix), 0, -1)
  if list[1] then take_in(q, list) end
  q.emptied = list[1] and key_of(q.prefix)
end

-- The same before a call, for those that read what others write at their end. Whoever is idle was told when the first
-- of it came.
function inbox.place(meta_key)
  if redis.call('EXISTS', key_of(queue.prefix(meta_key))) == 0 then return end
  local q = queue.look(meta_key)
  queue.refuse_damage(q)
  q.hinted = true
  inbox.empty(q)
  queue.close(q)
end

-- When the job was written down; nil where jobs are limited by number, since it has to be counted first.
function inbox.post(meta_key, asked, body)
  local found = redis.call('HMGET', meta_key, 'depth', 'bounded', 'standby')
  if found[1] or found[2] then return nil end
  local prefix, now = queue.prefix(meta_key), clock.now()
  if found[3] and standby.hand(meta_key, prefix, found[3], now, asked, body) then return now end
  local key = key_of(prefix)
  local there = redis.call('LLEN', key)
  if there >= inbox.most * inbox.fields then inbox.place(meta_key) end
  redis.call('RPUSH', key, now, asked, body)
  if there == 0 then redis.call('PUBLISH', prefix .. 'wake', 'wake') end
  return now
end

-- A call that may change the queue.
function queue.open(meta_key)
  inbox.place(meta_key)
  return queue.look(meta_key)
end
