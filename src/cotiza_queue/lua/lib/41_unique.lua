-- A unique key, held by one job as long as the job's status is one of those that its caller chose. A job that comes to
-- such a status takes the key if it is free, else goes on without it; a start only ever lets go. Jobs without a key
-- pay nothing.
local unique = { usual = 'blocked delayed waiting active' }

-- The id of the job that holds the key which these options name; nil if nobody does.
function unique.holder(q, options)
  return options.unique and redis.call('GET', q.prefix .. 'unique:' .. options.unique) or nil
end

-- Called wherever a status changes; status '' says that the job is gone.
function unique.moved(q, j, status)
  local options = j.options
  if not (options and options.unique) then return end
  local key = q.prefix .. 'unique:' .. options.unique
  local holds = status ~= '' and string.find(options.hold or unique.usual, status, 1, true)
  if not holds and redis.call('GET', key) == j.id then
    redis.call('DEL', key)
  elseif holds and status ~= 'active' then
    redis.call('SET', key, j.id, 'NX')
  end
end
