-- Finding jobs again, in the order of their coming, by blocks of sixteen places: `index` names everybody's
-- (36_blocks.lua). Which of a block are a tenant's, and which are of a class of statuses, say `index:<tenant>` (of a
-- tenant of few jobs, its record: 55_newest.lua) and `class:<class>` by a bit each (37_marks.lua). `open` holds the waiting
-- and the active: a start moves nothing. `tag:...` names those of one tag one by one.
local index = { block = 16 }
index.classes = { 'open', 'delayed', 'blocked', 'completed', 'failed', 'cancelled' }
local CLASS = { waiting = 'open', active = 'open' }
local ENDED = { completed = true, failed = true, cancelled = true }

function index.class(status) return CLASS[status] or status end
function index.has_ended(class) return ENDED[class] end

function index.of_class(q, class) return q.prefix .. 'class:' .. class end
function index.of_tenant(q, tenant_id) return q.prefix .. 'index:' .. tenant_id end

-- A slash can't be in a tenant's id, so no tenant's tag looks like another's.
function index.tag_name(tenant_id, tag) return 'tag:' .. tenant_id .. '/' .. tag end
function index.tag(q, tenant_id, tag) return q.prefix .. 'tag:' .. tenant_id .. '/' .. tag end

-- Where a job's block begins in the order of coming, and the last place before the next call's block.
function index.block_of(seq) return seq - seq % index.block end
function index.last_before(seq) return index.block_of(seq) + index.block - 1 end
