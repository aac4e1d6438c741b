-- How a call went, for the caller's breaker.
--
-- KEYS: the epoch; the caller's breaker.
-- ARGV: epoch, id of the call, verdict (1 success, 0 failure, - none), failures that open it, seconds of the
--       first cooldown, and of the longest.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return redis.error_reply('EPOCH is another one')
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local key, id, verdict = KEYS[2], ARGV[2], ARGV[3]
local function open(cooldown)
    redis.call('HSET', key, 'open_until', string.format('%.0f', now + cooldown * 1000000), 'cooldown', cooldown)
    redis.call('HDEL', key, 'probe', 'probe_until')
    redis.call('EXPIRE', key, 2 * 86400)
end
local found = redis.call('HMGET', key, 'open_until', 'cooldown', 'probe', 'probe_until')
if not found[1] then
    if verdict == '1' then
        redis.call('DEL', key)
    elseif verdict == '0' then
        local failures = redis.call('HINCRBY', key, 'failures', 1)
        redis.call('EXPIRE', key, 2 * 86400)
        if failures >= tonumber(ARGV[4]) then
            open(tonumber(ARGV[5]))
            return 'opened'
        end
    end
    return 'closed'
end
local longer = math.min(2 * (tonumber(found[2]) or tonumber(ARGV[5])), tonumber(ARGV[6]))
if found[3] == id then
    if verdict == '1' then
        redis.call('DEL', key)
        return 'closed'
    elseif verdict == '0' then
        open(longer)
        return 'opened'
    end
    redis.call('HSET', key, 'open_until', string.format('%.0f', now))
    redis.call('HDEL', key, 'probe', 'probe_until')
elseif verdict == '0' and tonumber(found[1]) <= now and not found[4] then
    open(tonumber(found[2]) or tonumber(ARGV[5])) -- refused before it came to where a probe is let through
    return 'opened'
end
return 'open'
