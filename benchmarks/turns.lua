#!lua name=turns
-- Two ways to let tenants take turns in one lane, each as small as it can be. KEYS: the prefix. ARGS: job, tenant, …
-- Both hold what waits beyond the lane in a list a tenant; a take reads, acknowledges and deletes.

local function read(p, want)
  local reply = redis.call('XREADGROUP', 'GROUP', 'w', 'w', 'COUNT', want, 'STREAMS', p .. 'lane', '>')
  local entries, ids = reply and reply[1][2] or {}, {}
  for i, entry in ipairs(entries) do ids[i] = entry[1] end
  if #ids > 0 then
    redis.call('XACK', p .. 'lane', 'w', unpack(ids))
    redis.call('XDEL', p .. 'lane', unpack(ids))
  end
  return entries
end

-- windows: at most two entries of a tenant stand in the lane; who leaves lets the next one in.
local WINDOW = 2

local function open(p, seen, name)
  if not seen[name] then
    local values = redis.call('HMGET', p .. 'tenant:' .. name, 'standing', 'back')
    seen[name] = { standing = tonumber(values[1]) or 0, back = tonumber(values[2]) or 0 }
  end
  return seen[name]
end

local function close(p, seen)
  for name, t in pairs(seen) do
    if t.standing + t.back == 0 then
      redis.call('DEL', p .. 'tenant:' .. name)
    else
      redis.call('HSET', p .. 'tenant:' .. name, 'standing', t.standing, 'back', t.back)
    end
  end
end

local function push(p, job, name) redis.call('XADD', p .. 'lane', '*', 'job', job, 'tenant', name) end

redis.register_function('windows_enqueue', function(keys, args)
  local p, seen = keys[1], {}
  for i = 1, #args, 2 do
    local t = open(p, seen, args[i + 1])
    if t.back == 0 and t.standing < WINDOW then
      t.standing = t.standing + 1
      push(p, args[i], args[i + 1])
    else
      t.back = t.back + 1
      redis.call('RPUSH', p .. 'backlog:' .. args[i + 1], args[i])
    end
  end
  close(p, seen)
  return #args / 2
end)

local function admit(p, name, t, room)
  while t.back > 0 and t.standing < room do
    t.back, t.standing = t.back - 1, t.standing + 1
    push(p, redis.call('LPOP', p .. 'backlog:' .. name), name)
  end
end

-- Once the lane is empty, what is still wanted is shared out among those whom this take has met.
redis.register_function('windows_take', function(keys, args)
  local p, want, seen, jobs = keys[1], tonumber(args[1]), {}, {}
  while #jobs < want do
    local entries, met = read(p, want - #jobs), 0
    for _, entry in ipairs(entries) do
      local name = entry[2][4]
      local t = open(p, seen, name)
      t.standing = t.standing - 1
      jobs[#jobs + 1] = entry[2][2]
      admit(p, name, t, WINDOW)
    end
    if #entries == 0 then break end
    for _ in pairs(seen) do met = met + 1 end
    local share = WINDOW + math.floor((want - #jobs) / met)
    if #jobs < want then for name, t in pairs(seen) do admit(p, name, t, share) end end
  end
  close(p, seen)
  return jobs
end)

-- ring: the lane holds at most so many entries of all; a ring of the tenants that have more refills it in turn.
local LANE = 256

redis.register_function('ring_enqueue', function(keys, args)
  local p = keys[1]
  local free = LANE - redis.call('XLEN', p .. 'lane')
  for i = 1, #args, 2 do
    local line = p .. 'backlog:' .. args[i + 1]
    if free > 0 and redis.call('EXISTS', line) == 0 then
      push(p, args[i], args[i + 1])
      free = free - 1
    elseif redis.call('RPUSH', line, args[i]) == 1 then
      redis.call('RPUSH', p .. 'ring', args[i + 1])
    end
  end
  return #args / 2
end)

redis.register_function('ring_take', function(keys, args)
  local p, want, jobs = keys[1], tonumber(args[1]), {}
  for i, entry in ipairs(read(p, want)) do jobs[i] = entry[2][2] end
  for _ = 1, LANE - redis.call('XLEN', p .. 'lane') do
    local name = redis.call('LPOP', p .. 'ring')
    if not name then break end
    push(p, redis.call('LPOP', p .. 'backlog:' .. name), name)
    if redis.call('EXISTS', p .. 'backlog:' .. name) == 1 then redis.call('RPUSH', p .. 'ring', name) end
  end
  return jobs
end)

-- waking: a job comes in, with a message beside it; a woken worker takes it, or starts what a blocked read brought.
redis.register_function('wake_put', function(keys, args)
  redis.call('HSET', keys[1] .. 'job:' .. args[1], 'status', 'waiting')
  local entry = redis.call('XADD', keys[1] .. 'lane', '*', 'job', args[1])
  redis.call('PUBLISH', keys[1] .. 'wake', 'wake')
  return entry
end)

local function start(p, entry)
  redis.call('HSET', p .. 'job:' .. entry[2][2], 'status', 'active')
  redis.call('XACK', p .. 'lane', 'w', entry[1])
  redis.call('XDEL', p .. 'lane', entry[1])
  return entry[2][2]
end

redis.register_function('wake_take', function(keys)
  local reply = redis.call('XREADGROUP', 'GROUP', 'w', 'w', 'COUNT', 1, 'STREAMS', keys[1] .. 'lane', '>')
  return reply and start(keys[1], reply[1][2][1])
end)

redis.register_function('wake_start', function(keys, args)
  return start(keys[1], { args[1], { 'job', args[2] } })
end)
