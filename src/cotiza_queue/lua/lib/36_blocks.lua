-- Everybody's jobs in the order of their coming: `index`, a sorted set of blocks at their first places. A member is the
-- ids of a block's jobs in that order, joined by blanks, and a dash for each that is gone. The jobs of a block come with
-- one call. Noted as the call goes, written at its end.
local blocks = {}

-- What this call does to a block: ids that come, and a dash for each id that goes.
local function of(q, place)
  local block = q.blocks[place]
  if not block then
    block = { come = {}, gone = {} }
    q.blocks[place] = block
  end
  return block
end

function blocks.enter(q, j)
  local at = j.seq % index.block
  of(q, j.seq - at).come[at + 1] = j.id
end

function blocks.leave(q, j) of(q, index.block_of(j.seq)).gone[j.id] = '-' end

-- Where the newest one begins, nil if there is none.
function blocks.newest(q) return redis.call('ZRANGE', q.prefix .. 'index', 0, 0, 'REV', 'WITHSCORES')[2] end

function blocks.members(q, place) return redis.call('ZRANGEBYSCORE', q.prefix .. 'index', place, place) end

-- Puts `text`, nothing if all of its jobs are gone, in the place of a member, if there is one.
function blocks.change(q, place, member, text)
  local key = q.prefix .. 'index'
  if text == member then return end
  if member then late.zrem(q, key, member) end
  if string.find(text, '[^ -]') then late.zadd(q, key, place, text) end
end

local function without(words, gone)
  for i = 1, #words do words[i] = gone[words[i]] or words[i] end
  return table.concat(words, ' ')
end

function blocks.flush(q)
  for place, block in pairs(q.blocks) do
    local come, gone = block.come, block.gone
    for _, member in ipairs(next(gone) and blocks.members(q, place) or {}) do
      blocks.change(q, place, member, without(blocks.words(member), gone))
    end
    if come[1] then blocks.change(q, place, nil, next(gone) and without(come, gone) or table.concat(come, ' ')) end
  end
  q.blocks = {}
end
