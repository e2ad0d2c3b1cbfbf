-- Reading bodies: '' for one that is lost, or whose key has another type. What the server refuses is no loss.
local function ask(...)
  local found = redis.pcall(...)
  if type(found) == 'table' and found.err and not string.find(found.err, '^WRONGTYPE') then error(found) end
  return found
end

local function text_of(found) return type(found) == 'string' and found or '' end

-- One that this call has brought is at hand.
function bodies.of(q, j)
  if j.body then return j.body end
  if j.spot then return text_of(ask('LRANGE', bodies.list(q, j), j.spot, j.spot)[1]) end
  return text_of(ask('GET', q.prefix .. 'body:' .. j.id))
end

-- Up to which job those from `first` on lie in a row.
local function row_end(jobs, first, block)
  local j, last = jobs[first], first
  local place, before = j.seq - j.seq % block, j.spot - first
  while true do
    local k = jobs[last + 1]
    if not k or k.spot ~= before + last + 1 or k.seq - k.seq % block ~= place then return last end
    last = last + 1
  end
end

local function read_row(q, jobs, first, last, found)
  local spot = jobs[first].spot
  local texts = ask('LRANGE', bodies.list(q, jobs[first]), spot, spot + last - first)
  for i = first, last do found[i] = texts[i - first + 1] or '' end
end

-- Those of many jobs, in their order: those in a row at once, and all that lie apart.
function bodies.all(q, jobs)
  local found, keys, at, first, n, block = {}, {}, {}, 1, #jobs, index.block
  while first <= n do
    local j, last = jobs[first], first
    if j.spot and not j.body then last = row_end(jobs, first, block) end
    if last > first then
      read_row(q, jobs, first, last, found)
    elseif j.body or j.spot then
      found[first] = bodies.of(q, j)
    else
      keys[#keys + 1], at[#at + 1] = q.prefix .. 'body:' .. j.id, first
    end
    first = last + 1
  end
  local values = queue.values(keys)
  for i = 1, #values do found[at[i]] = values[i] or '' end
  return found
end
