-- route.lua - wrk asks for a place, each request for a contact of its own:
--
--   bench/bench_http.sh -c 256 -s bench/route.lua \
--     'route=http://127.0.0.1:18410/v1/route=build/tandem demo --config examples/two-by-hundred.yaml --port 18410 --speed 1'
--
-- The process that answers is hub, two site nodes and two simulated instances at once, so the CPU
-- time of a request holds the whole life of a contact at three nodes.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"queue":"service","channel":"voice","from":"+12125550100","customer":"crm-4711","priority":5}'
