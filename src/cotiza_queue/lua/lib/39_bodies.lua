-- Where the bodies of jobs lie. Small ones of jobs that come one after the other with a call, and will be read so, are
-- entries of one list a block, `bodies:<the block's first place>`, and each job's record says which (`spot`). All others
-- have a key of their own, `body:<id>`, and no spot. An entry that nobody needs any more is empty, and a list of such
-- goes. What stands here never fails over a key of another type: whoever asked has written already.
-- Fewer than `least` would pay more time for a list than for keys.
local bodies = { least = 4, most = 1024 }

function bodies.list(q, j) return q.prefix .. 'bodies:' .. index.block_of(j.seq) end

local function fits(body) return body ~= '' and #body <= bodies.most end

local function put_apart(q, j)
  local n = #q.writes
  q.writes[n + 1], q.writes[n + 2], j.spot = q.prefix .. 'body:' .. j.id, j.body, false
end

-- True if it is done.
local function put_together(q, jobs, first, last)
  local texts, n = {}, last - first + 1
  for i = 1, n do texts[i] = jobs[first + i - 1].body end
  local held = redis.pcall('RPUSH', bodies.list(q, jobs[first]), unpack(texts))
  if type(held) ~= 'number' then return false end
  for i = 1, n do jobs[first + i - 1].spot = held - n + i - 1 end
  return true
end

-- A job that was there before has another body: in the place of the old one if it may lie there.
local function replace(q, j)
  if j.spot and fits(j.body) and not redis.pcall('LSET', bodies.list(q, j), j.spot, j.body).err then return end
  bodies.leave(q, j)
  put_apart(q, j)
end

local function put(q, jobs, first, last)
  if last - first + 1 >= bodies.least and put_together(q, jobs, first, last) then return end
  for i = first, last do
    local j = jobs[i]
    if j.was and not j.gone then replace(q, j) elseif not j.gone then put_apart(q, j) end
  end
end

-- The bodies that this call brings, by the order of their jobs (14_job_change.lua), before the records go out. In a row
-- are new jobs of a block whose neighbour is of the same tenant, or stands in a lane as they do.
function bodies.flush(q)
  local jobs, block, most, first = q.carried, index.block, bodies.most, 1
  local row, tenant_id, stands
  for i = 1, #jobs do
    local j = jobs[i]
    local body, seq, name, stand = j.body, j.seq, j.tenant, j.entry ~= ''
    local place = not j.was and not j.gone and body ~= '' and #body <= most and seq - seq % block
    if i > 1 and (not place or place ~= row or name ~= tenant_id and not (stands and stand)) then
      put(q, jobs, first, i - 1)
      first = i
    end
    row, tenant_id, stands = place, name, stand
  end
  put(q, jobs, first, #jobs)
  bodies.vacate(q)
end
