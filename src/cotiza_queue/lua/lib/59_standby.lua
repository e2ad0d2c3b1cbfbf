-- Standby: a worker that has nothing to do says so with its turn, one of a queue. While nothing else waits, the next
-- plain job that comes alone is handed to it by the call that brings it. It hears of the job at once, on a channel of
-- its own; the job lies in the inbox (66_inbox.lua) as handed to it, and starts there as soon as it gets its place.
-- What it did not hear of it learns with its next turn. `standby` of `meta`: the worker, the version of payloads that it
-- knows, since when; then id and token of the job that it was handed.
local standby = { fresh = 2000 }

-- None if nobody is there, or what stands there was not written by us.
function standby.parts(text)
  local whole, worker, version, since, id, token = pcall(cmsgpack.unpack, text or '')
  if not whole or type(worker) ~= 'string' or type(version) ~= 'number' or type(since) ~= 'number' then return {} end
  return { worker = worker, version = version, since = since, id = id, token = token }
end

local function read(q) return standby.parts(redis.call('HGET', q.prefix .. 'meta', 'standby')) end

-- The worker has nothing to do. Who came before it stays for a while.
function standby.begin(q, worker)
  local s = read(q)
  if s.worker and s.worker ~= worker and s.since + standby.fresh > q.now then return end
  redis.call('HSET', q.prefix .. 'meta', 'standby', cmsgpack.pack(worker, q.version, q.now))
end

-- The job that the worker was handed has its place.
function standby.keep(q, j)
  local s = read(q)
  if s.worker ~= j.handed_to then return end
  redis.call('HSET', q.prefix .. 'meta', 'standby', cmsgpack.pack(s.worker, s.version, s.since, j.id, j.token_there))
end

-- The worker asks for a turn. Returns the job that it was handed, unless it is the one that it has heard of.
function standby.finish(q, worker, heard)
  local s = read(q)
  if s.worker ~= worker then return nil end
  redis.call('HDEL', q.prefix .. 'meta', 'standby')
  local j = s.id and s.token ~= heard and job.read(q, s.id)
  return j and j.status == 'active' and j.token == s.token and j or nil
end
