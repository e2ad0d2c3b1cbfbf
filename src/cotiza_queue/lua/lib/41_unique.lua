-- A unique key, held by one job as long as the job's status is one of those that its caller chose, or for a span from
-- its coming on whatever becomes of it. A job that comes to such a status takes the key if it is free, else goes on
-- without it; a start only ever lets go. Jobs without a key pay nothing.
local unique = { usual = 'blocked delayed waiting active' }

local function key_of(q, options) return q.prefix .. 'unique:' .. options.unique end

-- What a key says: the id of the job that holds it; of one that is gone, also its last status and when it was made.
function unique.told(value)
  local status, created, id = string.match(value, '^(%l+) (%d+) (.+)$')
  return id or value, status, created
end

-- The same of the key which these options name; nil if nobody holds it. A job whose record was lost behind our back
-- holds nothing.
function unique.holder(q, options)
  local value = options.unique and redis.call('GET', key_of(q, options))
  if not value then return nil end
  local id, status, created = unique.told(value)
  if status or job.read(q, id) then return id, status, created end
  redis.call('DEL', key_of(q, options))
end

-- The job takes the key, whoever had it; for a span, if it was asked for one.
function unique.claim(q, j)
  if j.options.span then
    redis.call('SET', key_of(q, j.options), j.id, 'PX', j.options.span)
  else
    redis.call('SET', key_of(q, j.options), j.id)
  end
end

-- The span goes on when the job is gone, and calls within it are told how it ended.
local function remember(q, j)
  local key = key_of(q, j.options)
  if redis.call('GET', key) == j.id then
    redis.call('SET', key, j.status .. ' ' .. j.created .. ' ' .. j.id, 'KEEPTTL')
  end
end

-- Called wherever a status changes; status '' says that the job is gone.
function unique.moved(q, j, status)
  local options = j.options
  if not (options and options.unique) then return end
  if options.span then return status == '' and remember(q, j) end
  local key = key_of(q, options)
  local holds = status ~= '' and string.find(options.hold or unique.usual, status, 1, true)
  if not holds and redis.call('GET', key) == j.id then
    redis.call('DEL', key)
  elseif holds and status ~= 'active' then
    redis.call('SET', key, j.id, 'NX')
  end
end
