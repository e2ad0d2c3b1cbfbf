-- Where the records of jobs lie. Ids that one caller made one after the other begin with the same ten bytes
-- (store/ids.py), and the records of such a run lie in one hash of that name, each under the rest of its id. Any other
-- id names a hash of its own, with one record under no name. Beside the records lie names of workers (16_by_whom.lua).
local run = {}

-- The name of the hash, without the queue's prefix, and of the field.
function run.of(id)
  if (string.byte(id) or 0) < 128 then return id, '' end
  return string.sub(id, 1, 10), string.sub(id, 11)
end

-- What a command says of a hash; of a key of another type, that nothing is there.
function run.ask(...)
  local found = redis.pcall(...)
  if type(found) ~= 'table' or not found.err then return found end
  return string.find(found.err, '^WRONGTYPE') and {} or error(found)
end

-- Is it the field of a record?
function run.of_job(field) return #field ~= 4 end

-- A command that changes a hash, with many arguments. False if the key has another type.
local function change(command, key, list)
  local done, found = pcall(late.write, command, key, list)
  if done then return found end
  if not string.find(type(found) == 'table' and found.err or found, 'WRONGTYPE', 1, true) then error(found) end
  return false
end

-- Records go, and what lies beside them with the last.
function run.drop(key, fields)
  if (change('HDEL', key, fields) or 0) == 0 then return end
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if run.of_job(field) then return end
  end
  redis.call('DEL', key)
end

-- [field, record] each. A key of another type gives way: whoever asked has written already.
function run.write(key, rows)
  if change('HSET', key, rows) then return end
  redis.call('DEL', key)
  late.write('HSET', key, rows)
end
