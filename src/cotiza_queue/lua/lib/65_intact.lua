-- The keys of a queue that taking jobs in writes to. Where one of them has another type, nothing is begun: what a call
-- that is broken off leaves in the lanes would come again with each new attempt, a hundred entries at a time.
local TYPES = { 'meta', 'hash', 'counts', 'hash', 'lanes', 'hash', 'ready', 'zset', 'index', 'zset', 'class:open', 'zset',
  'events', 'stream', 'events:marks', 'list' }

function queue.refuse_damage(q)
  for i = 1, #TYPES, 2 do
    local there = redis.call('TYPE', q.prefix .. TYPES[i]).ok
    if there ~= TYPES[i + 1] and there ~= 'none' then
      error({ err = 'WRONGTYPE ' .. TYPES[i] .. ' is a ' .. there .. ', not a ' .. TYPES[i + 1] })
    end
  end
end
