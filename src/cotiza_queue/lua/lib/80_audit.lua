-- The audit: does what a queue holds agree with itself? Each part looks at a page of names and judges it at one moment,
-- so that no finding is a change under way. With `fix`, what is found is put right in the same look.
local audit = { final = { completed = true, failed = true, cancelled = true } }

function audit.say(q, code, subject, detail)
  local n = #q.found
  q.found[n + 1], q.found[n + 2], q.found[n + 3] = code, subject, detail or ''
end

-- A job's place in a sorted set: `score` that it must have, true for any, false for none.
function audit.place(q, code, name, id, score)
  local there = redis.call('ZSCORE', q.prefix .. name, id)
  if score == true and there or not score and not there then return end
  if score and score ~= true and tonumber(there) == tonumber(score) then return end
  audit.say(q, code, id, (score and 'not right in ' or 'wrongly in ') .. name)
  if not q.fix then return end
  if score then
    redis.call('ZADD', q.prefix .. name, score == true and q.now or score, id)
  else
    redis.call('ZREM', q.prefix .. name, id)
  end
end

function audit.exists(q, name) return redis.call('EXISTS', q.prefix .. name) == 1 end

-- Is an entry of a lane handed out (pending or over), or still to be read?
function audit.handed_out(last, entry)
  local a, b = string.match(entry, '^(%d+)-(%d+)$')
  local c, d = string.match(last, '^(%d+)-(%d+)$')
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  return a < c or a == c and b <= d
end

-- Keys: [name type] each. A key of another type holds nothing of ours.
function audit.types(q, args)
  for i = 1, #args, 2 do
    local there = redis.call('TYPE', q.prefix .. args[i]).ok
    if there ~= 'none' and there ~= args[i + 1] then
      audit.say(q, 'wrong_type', args[i], 'a ' .. there .. ', not a ' .. args[i + 1])
      if q.fix then redis.call('DEL', q.prefix .. args[i]) end
    end
  end
end
