BEGIN TRANSACTION;
CREATE TABLE adjustments (
	adjustment_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	venue TEXT NOT NULL, 
	account TEXT NOT NULL, 
	asset TEXT NOT NULL, 
	amount TEXT NOT NULL, 
	symbol TEXT, 
	strategy_id TEXT, 
	source TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	effective_ns BIGINT NOT NULL, 
	seq BIGINT NOT NULL, price TEXT, 
	PRIMARY KEY (adjustment_id)
);
INSERT INTO "adjustments" VALUES('sim:1','DEPOSIT','sim','paper','USDT','500',NULL,NULL,'venue','seen in the account',1735689600000000000,20,NULL);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE config_snapshots (
	config_snapshot_id TEXT NOT NULL, 
	content TEXT NOT NULL, 
	first_seen_ns BIGINT NOT NULL, 
	seq BIGINT NOT NULL, 
	PRIMARY KEY (config_snapshot_id)
);
INSERT INTO "config_snapshots" VALUES('c1','{}',1735689600000000000,16);
CREATE TABLE deadlines (
	id TEXT NOT NULL, 
	due_ns BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	seq BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "deadlines" VALUES('d1',1735689600000000000,'query','{"order":"o1"}',19);
CREATE TABLE events (
	seq INTEGER NOT NULL, 
	schema_version INTEGER NOT NULL, 
	at_ns BIGINT NOT NULL, 
	stream TEXT NOT NULL, 
	type TEXT NOT NULL, 
	session_id TEXT NOT NULL, 
	correlation_id TEXT NOT NULL, 
	causation_id TEXT, 
	payload TEXT NOT NULL, 
	prev_hash TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "events" VALUES(1,1,1735689600000000000,'ops','SessionStarted','s-1','tick-1',NULL,'{"account_masked":"pa***","at_ns":1735689600000000000,"code_version":"0.1","config_snapshot_id":"c1","mode":"paper","seed":1180591620717411303424,"session_id":"s-1","strategies":["momentum"],"type":"SessionStarted","venue":"sim"}','0000000000000000000000000000000000000000000000000000000000000000','6eab80677af065692436dd60963c175d7cd233d62bedcc4e873ac1a747daab31');
INSERT INTO "events" VALUES(2,1,1735689601000000000,'portfolio','OpeningBalancesRecorded','s-1','tick-1',NULL,'{"account":"paper","at_ns":1735689600000000000,"balances":[{"asset":"USDT","free":"1000000","locked":"0"}],"type":"OpeningBalancesRecorded","venue":"sim"}','6eab80677af065692436dd60963c175d7cd233d62bedcc4e873ac1a747daab31','beadc3fd970b7ef229c6c2e81085cb6100c5c412fd70bff4e6d79638410d0cee');
INSERT INTO "events" VALUES(3,1,1735689602000000000,'obs_orders_fills','IntentRecorded','s-1','tick-1',NULL,'{"checks":["loss 0<=100"],"intent":{"account":"paper","action_key":"a0","correlation_id":"tick-1","decision_id":null,"decision_time_ns":1735689600000000000,"expires_at_ns":null,"group_id":"g","intent_id":"i0","intent_type":"ENTRY","leg":0,"limit_price":"64000.12","market":null,"order_type":"LMT","origin":"strategy","quantity":"0.01","reason":"it rises","reason_codes":[],"side":"BUY","split":"SINGLE","strategy_epoch":0,"strategy_id":"momentum","symbol":"BTCUSDT","tick_received_monotonic_ns":null,"time_in_force":"GTC","urgency":5,"venue":"sim"},"reserved_notional":"640.0012","type":"IntentRecorded"}','beadc3fd970b7ef229c6c2e81085cb6100c5c412fd70bff4e6d79638410d0cee','d1ada971cdc5bfba87b7e56b669593a67f79e0e3462449d7599293b0b604bb42');
INSERT INTO "events" VALUES(4,1,1735689602000000000,'obs_orders_fills','OrderRecorded','s-1','tick-1',NULL,'{"change":"accepted","evidence_at_ns":null,"is_late":false,"notes":[],"order":{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0","filled_notional":"0.00","instruments_version":null,"intent_id":"i0","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"PENDING_SUBMIT","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o0","intent_type":"ENTRY","is_stop_plan":false,"limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":null},"stages_us":null,"type":"OrderRecorded"}','d1ada971cdc5bfba87b7e56b669593a67f79e0e3462449d7599293b0b604bb42','50fd40b69e32d9c74e9f8235976fb64afe60e0aad2a453558752e4bf23f6d64d');
INSERT INTO "events" VALUES(5,1,1735689603000000000,'obs_orders_fills','OrderRecorded','s-1','tick-1',NULL,'{"change":"accepted","evidence_at_ns":null,"is_late":false,"notes":[],"order":{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0","filled_notional":"0.00","instruments_version":null,"intent_id":"i0","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"SUBMITTED","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o0","intent_type":"ENTRY","is_stop_plan":false,"limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":null},"stages_us":null,"type":"OrderRecorded"}','50fd40b69e32d9c74e9f8235976fb64afe60e0aad2a453558752e4bf23f6d64d','1897566f66f783ce80f774613a57a9bea4ef36160971af115367349291ce5546');
INSERT INTO "events" VALUES(6,1,1735689604000000000,'obs_orders_fills','FillRecorded','s-1','tick-1',NULL,'{"decision_price":"64000.12","fill":{"account":"paper","client_order_id":"o0","executed_ns":1735689600000000000,"fee":"0.00001","fee_asset":"BTC","fill_id":"sim:BTCUSDT:0","is_maker":false,"price":"64000.12","quantity":"0.01","side":"BUY","strategy_id":"momentum","symbol":"BTCUSDT","tax":"0","venue":"sim"},"intent_type":"ENTRY","source":"stream","type":"FillRecorded"}','1897566f66f783ce80f774613a57a9bea4ef36160971af115367349291ce5546','4b37c9624316c2d772213278fc461bf3a4de3c49a3f856acf6d2a08ab57e14d6');
INSERT INTO "events" VALUES(7,1,1735689604000000000,'obs_orders_fills','OrderRecorded','s-1','tick-1',NULL,'{"change":"accepted","evidence_at_ns":null,"is_late":false,"notes":[],"order":{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0.01","filled_notional":"640.0012","instruments_version":null,"intent_id":"i0","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"FILLED","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o0","intent_type":"ENTRY","is_stop_plan":false,"limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":null},"stages_us":null,"type":"OrderRecorded"}','4b37c9624316c2d772213278fc461bf3a4de3c49a3f856acf6d2a08ab57e14d6','1659bc1207f7d0f3b3f703804ff6ea8654f8ab94fae3ed2cd4261e9557afe167');
INSERT INTO "events" VALUES(8,1,1735689604000000000,'obs_orders_fills','IntentStatusChanged','s-1','tick-1',NULL,'{"code":null,"intent_id":"i0","reason":"filled","status":"DONE","type":"IntentStatusChanged"}','1659bc1207f7d0f3b3f703804ff6ea8654f8ab94fae3ed2cd4261e9557afe167','f2f7b5cbaa74bcd337973f517216adf3ca1b4c1da62065038ba1f5e98fab5cba');
INSERT INTO "events" VALUES(9,1,1735689605000000000,'portfolio','PositionRecorded','s-1','tick-1',NULL,'{"position":{"account":"paper","average_price":"64000.12","fees_quote":"0","last_fill_id":"sim:BTCUSDT:0","quantity":"0.00999","realised_pnl":"0","strategy_id":"momentum","symbol":"BTCUSDT","updated_ns":1735689600000000000,"venue":"sim"},"type":"PositionRecorded"}','f2f7b5cbaa74bcd337973f517216adf3ca1b4c1da62065038ba1f5e98fab5cba','cb1edb78bef7de000573594bc22038e0d8e23e614450ebde8f99ded77ad47438');
INSERT INTO "events" VALUES(10,1,1735689606000000000,'portfolio','PortfolioRecorded','s-1','tick-1',NULL,'{"snapshot":{"account":"paper","at_ns":1735689600000000000,"balances":[],"cash":"999359.9988","currency":"USDT","day_pnl":"0","drawdown":"0","equity":"999359.9988","peak_equity":"999359.9988","positions":[],"realised_pnl":"0","unmarked":[],"unrealised_pnl":"0","venue":"sim"},"type":"PortfolioRecorded"}','cb1edb78bef7de000573594bc22038e0d8e23e614450ebde8f99ded77ad47438','2f4def1a79209fba36f8f9d334e1da69359879792d0aa3ebd2c217ed465434be');
INSERT INTO "events" VALUES(11,1,1735689606000000000,'obs_trades','RoundTripRecorded','s-1','tick-1',NULL,'{"trade":{"buy_fill_ratio":"1","buy_slippage_bps":null,"currency":"USDT","entry_ns":1735689600000000000,"entry_price":"64000.12","exit_ns":1735689600000000000,"exit_price":"64000.12","fees":"0.1","pnl":"-0.1","quantity":"0.01","sell_fill_ratio":"1","sell_slippage_bps":"1.5","strategy_id":"momentum","symbol":"BTCUSDT","trade_id":"t0","trade_result":"loss","venue":"sim"},"type":"RoundTripRecorded"}','2f4def1a79209fba36f8f9d334e1da69359879792d0aa3ebd2c217ed465434be','cd14d85b530beffc79da752d98f97f1b2fb02eb84155aa9965f21db99e1dc11c');
INSERT INTO "events" VALUES(12,1,1735689607000000000,'risk_events','RiskRefusalRecorded','s-1','tick-1',NULL,'{"refusal":{"code":"MAX_LOSS","detail":"enough","intent_id":"i99","limit":"100","limit_name":"loss","strategy_id":"momentum","symbol":"BTCUSDT","value":"101"},"type":"RiskRefusalRecorded"}','cd14d85b530beffc79da752d98f97f1b2fb02eb84155aa9965f21db99e1dc11c','e1b9c161199e59c88bc9af64162b23e4abe006c254368f388f0e891aa88ca93f');
INSERT INTO "events" VALUES(13,1,1735689608000000000,'failures','FailureRecorded','s-1','tick-1',NULL,'{"failure":{"by_operator":false,"detail":"late","mode":"data_delay","recovered":false,"scope":"all"},"type":"FailureRecorded"}','e1b9c161199e59c88bc9af64162b23e4abe006c254368f388f0e891aa88ca93f','c4ac98a894e739cf51989df8946cb62c18c47d63d4244d361cc510272b47b0e7');
INSERT INTO "events" VALUES(14,1,1735689609000000000,'portfolio','AccountObserved','s-1','tick-1',NULL,'{"account":"paper","at_ns":1735689600000000000,"balances":[{"asset":"USDT","free":"999359.9988","locked":"0"},{"asset":"BTC","free":"0.00999","locked":"0"}],"differences":{},"type":"AccountObserved","venue":"sim"}','c4ac98a894e739cf51989df8946cb62c18c47d63d4244d361cc510272b47b0e7','adbcbca8826deb37371872785b5080369f263afaf7a85534d61fd13539974930');
INSERT INTO "events" VALUES(15,1,1735689610000000000,'ops','SessionStopped','s-1','tick-1',NULL,'{"at_ns":1735689600000000000,"reason":"asked to","session_id":"s-1","type":"SessionStopped"}','adbcbca8826deb37371872785b5080369f263afaf7a85534d61fd13539974930','d748dc8d80ddc85a0a272997512008879ca0e1df9a662b5e5dc5304e73c6594f');
INSERT INTO "events" VALUES(16,1,1735689600000000000,'ops','ConfigSnapshotRecorded','s-1','tick-1',NULL,'{"at_ns":1735689600000000000,"config_snapshot_id":"c1","content":"{}","type":"ConfigSnapshotRecorded"}','d748dc8d80ddc85a0a272997512008879ca0e1df9a662b5e5dc5304e73c6594f','bfbeaf9d17ea4dedb6005d990825ee9aefbc66640ce87b1370a819e9897d10e3');
INSERT INTO "events" VALUES(17,1,1735689600000000000,'ops','LeaseTaken','s-1','tick-1',NULL,'{"account":"paper","at_ns":1735689600000000000,"epoch":1,"expires_at_ns":null,"owner":"one","type":"LeaseTaken","venue":"sim"}','bfbeaf9d17ea4dedb6005d990825ee9aefbc66640ce87b1370a819e9897d10e3','653ddb83f0652531e4636fa0a7c4ecd0a90d5b1ea209279882f7d3e89240cad8');
INSERT INTO "events" VALUES(18,1,1735689600000000000,'obs_orders_fills','OrderAliasRecorded','s-1','tick-1',NULL,'{"account":"paper","branch":"","client_order_id":"o1","reason":"amended","type":"OrderAliasRecorded","venue":"sim","venue_date":"20250101","venue_order_id":"901"}','653ddb83f0652531e4636fa0a7c4ecd0a90d5b1ea209279882f7d3e89240cad8','e36dad2668609b36934f6bfa7268ee62de20732e3cfa1bee3d5e8b94417e5648');
INSERT INTO "events" VALUES(19,1,1735689600000000000,'obs_orders_fills','DeadlineSet','s-1','tick-1',NULL,'{"deadline_id":"d1","due_ns":1735689600000000000,"kind":"query","payload":"{\"order\":\"o1\"}","type":"DeadlineSet"}','e36dad2668609b36934f6bfa7268ee62de20732e3cfa1bee3d5e8b94417e5648','2f1a0cb1698e7912c08b67f92be075d8b246e78e03b8f690f0dcf1f2be05f3a9');
INSERT INTO "events" VALUES(20,1,1735689600000000000,'portfolio','AdjustmentRecorded','s-1','tick-1',NULL,'{"account":"paper","adjustment_id":"sim:1","amount":"500","asset":"USDT","effective_ns":1735689600000000000,"kind":"DEPOSIT","price":null,"reason":"seen in the account","source":"venue","strategy_id":null,"symbol":null,"type":"AdjustmentRecorded","venue":"sim"}','2f1a0cb1698e7912c08b67f92be075d8b246e78e03b8f690f0dcf1f2be05f3a9','bc2cb274e130fc82b7742605c3492fe85793d9e9f9cd6f08687be4846519ce20');
INSERT INTO "events" VALUES(21,1,1735689600000000000,'ops','OperatorActed','s-1','tick-1',NULL,'{"action":"stop","at_ns":1735689600000000000,"operator":"me","reason":"to see","type":"OperatorActed"}','bc2cb274e130fc82b7742605c3492fe85793d9e9f9cd6f08687be4846519ce20','eb43daa98d647fce506a38a62e2be4a38d156c8aae97a053967673a845e1da33');
INSERT INTO "events" VALUES(22,1,1735689600000000000,'ops','InstrumentsRecorded','s-1','tick-1',NULL,'{"at_ns":1735689600000000000,"instruments":[{"as_of_ns":1735689600000000000,"base_asset":"BTC","is_trading":true,"lot_size":"0.00001","max_quantity":"9000","min_notional":"5","min_quantity":"0.00001","quote_asset":"USDT","sector":"","status":"TRADING","symbol":"BTCUSDT","tick_size":"0.01","version":"v1"}],"type":"InstrumentsRecorded","venue":"sim","version":"v1"}','eb43daa98d647fce506a38a62e2be4a38d156c8aae97a053967673a845e1da33','aedbbbd5934e392bc6c455d9d46f94a09353ab53fac1b3824bfce0b1f1c4de5c');
INSERT INTO "events" VALUES(23,1,1735689600000000000,'obs_orders_fills','ForeignOrderSeen','s-1','tick-1',NULL,'{"order":{"channel":"","client_order_id":"by-hand-1","created_ns":1735689600000000000,"filled":"0","filled_notional":"0","limit_price":"64000.12","order_type":"LIMIT","quantity":"0.01","side":"BUY","status":"SUBMITTED","symbol":"BTCUSDT","updated_ns":1735689600000000000,"venue_order_id":"1"},"type":"ForeignOrderSeen"}','aedbbbd5934e392bc6c455d9d46f94a09353ab53fac1b3824bfce0b1f1c4de5c','0ac4af26d2c33c6f94ea9e2ba95f72bb0a18ed1378dd412126f4f01252812245');
INSERT INTO "events" VALUES(24,1,1735689600000000000,'obs_orders_fills','IntentRecorded','s-1','tick-1',NULL,'{"checks":["loss 0<=100"],"intent":{"account":"paper","action_key":"a11","correlation_id":"tick-1","decision_id":null,"decision_time_ns":1735689600000000000,"expires_at_ns":null,"group_id":"g","intent_id":"i11","intent_type":"ENTRY","leg":0,"limit_price":"64000.12","market":null,"order_type":"LMT","origin":"strategy","quantity":"0.01","reason":"it rises","reason_codes":[],"side":"BUY","split":"SINGLE","strategy_epoch":0,"strategy_id":"momentum","symbol":"BTCUSDT","tick_received_monotonic_ns":null,"time_in_force":"GTC","urgency":5,"venue":"sim"},"reserved_notional":"640.0012","type":"IntentRecorded"}','0ac4af26d2c33c6f94ea9e2ba95f72bb0a18ed1378dd412126f4f01252812245','cf13b6eea409ff806fd4eac7649e62ea688cf2afa04842f8781ae897d0a7667c');
INSERT INTO "events" VALUES(25,1,1735689600000000000,'obs_orders_fills','OrderRecorded','s-1','tick-1',NULL,'{"change":"accepted","evidence_at_ns":null,"is_late":false,"notes":[],"order":{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0.004","filled_notional":"0.00","instruments_version":"v1","intent_id":"i11","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"PARTIAL","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o11","intent_type":"ENTRY","is_stop_plan":false,"limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":"901x"},"stages_us":null,"type":"OrderRecorded"}','cf13b6eea409ff806fd4eac7649e62ea688cf2afa04842f8781ae897d0a7667c','ec06d861cc13c99f72a932aec9e4d7e8677b1738cc26306d9a0e51f2c597286b');
INSERT INTO "events" VALUES(26,1,1735689600000000000,'obs_orders_fills','IntentRecorded','s-1','tick-1',NULL,'{"checks":["loss 0<=100"],"intent":{"account":"paper","action_key":"a12","correlation_id":"tick-1","decision_id":null,"decision_time_ns":1735689600000000000,"expires_at_ns":null,"group_id":"g","intent_id":"i12","intent_type":"ENTRY","leg":0,"limit_price":"64000.12","market":null,"order_type":"LMT","origin":"strategy","quantity":"0.01","reason":"it rises","reason_codes":[],"side":"BUY","split":"SINGLE","strategy_epoch":0,"strategy_id":"momentum","symbol":"BTCUSDT","tick_received_monotonic_ns":null,"time_in_force":"GTC","urgency":5,"venue":"sim"},"reserved_notional":"640.0012","type":"IntentRecorded"}','ec06d861cc13c99f72a932aec9e4d7e8677b1738cc26306d9a0e51f2c597286b','65e46dce104fc67cd0f3c8d872d3f912d6cf42ffce83cdf3d5b6cb95b53de1ef');
INSERT INTO "events" VALUES(27,1,1735689600000000000,'obs_orders_fills','OrderRecorded','s-1','tick-1',NULL,'{"change":"accepted","evidence_at_ns":null,"is_late":false,"notes":[],"order":{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0","filled_notional":"0.00","instruments_version":"v1","intent_id":"i12","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"UNKNOWN","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o12","intent_type":"ENTRY","is_stop_plan":false,"limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":"903"},"stages_us":null,"type":"OrderRecorded"}','65e46dce104fc67cd0f3c8d872d3f912d6cf42ffce83cdf3d5b6cb95b53de1ef','04be2941561402dd423544e2682ce966c1b39fcae64ce01287dddcc9b16655e9');
INSERT INTO "events" VALUES(28,1,1735689600000000000,'obs_orders_fills','IntentRecorded','s-1','tick-1',NULL,'{"checks":["loss 0<=100"],"intent":{"account":"paper","action_key":"a13","correlation_id":"tick-1","decision_id":null,"decision_time_ns":1735689600000000000,"expires_at_ns":null,"group_id":"g","intent_id":"i13","intent_type":"ENTRY","leg":0,"limit_price":"64000.12","market":null,"order_type":"LMT","origin":"strategy","quantity":"0.01","reason":"it rises","reason_codes":[],"side":"BUY","split":"SINGLE","strategy_epoch":0,"strategy_id":"momentum","symbol":"BTCUSDT","tick_received_monotonic_ns":null,"time_in_force":"GTC","urgency":5,"venue":"sim"},"reserved_notional":"640.0012","type":"IntentRecorded"}','04be2941561402dd423544e2682ce966c1b39fcae64ce01287dddcc9b16655e9','905c92a41f9502ab2890dab436e23f85d1f70d1af031b9de9cf88c620f808146');
INSERT INTO "events" VALUES(29,1,1735689600000000000,'obs_orders_fills','OrderRecorded','s-1','tick-1',NULL,'{"change":"accepted","evidence_at_ns":null,"is_late":false,"notes":[],"order":{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0","filled_notional":"0.00","instruments_version":"v1","intent_id":"i13","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"PENDING_SUBMIT","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o13","intent_type":"ENTRY","is_stop_plan":false,"limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":null},"stages_us":null,"type":"OrderRecorded"}','905c92a41f9502ab2890dab436e23f85d1f70d1af031b9de9cf88c620f808146','f11c6ae500e9792366a9c70d64523aa463072addc9e2ae420cf809cffae473c1');
CREATE TABLE fill_totals (
	venue TEXT NOT NULL, 
	account TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	total TEXT NOT NULL, 
	PRIMARY KEY (venue, account, kind, name)
);
INSERT INTO "fill_totals" VALUES('sim','paper','base','BTCUSDT','0.01');
INSERT INTO "fill_totals" VALUES('sim','paper','quote','BTCUSDT','-640.0012');
INSERT INTO "fill_totals" VALUES('sim','paper','fee','BTC','-0.00001');
INSERT INTO "fill_totals" VALUES('sim','paper','adjustment','USDT','500');
CREATE TABLE fills (
	fill_id TEXT NOT NULL, 
	client_order_id TEXT NOT NULL, 
	strategy_id TEXT NOT NULL, 
	venue TEXT NOT NULL, 
	account TEXT NOT NULL, 
	symbol TEXT NOT NULL, 
	side TEXT NOT NULL, 
	intent_type TEXT NOT NULL, 
	quantity TEXT NOT NULL, 
	price TEXT NOT NULL, 
	fee TEXT NOT NULL, 
	fee_asset TEXT NOT NULL, 
	tax TEXT NOT NULL, 
	executed_ns BIGINT NOT NULL, 
	is_maker BOOLEAN NOT NULL, 
	decision_price TEXT, 
	source TEXT NOT NULL, 
	seq BIGINT NOT NULL, 
	PRIMARY KEY (fill_id)
);
INSERT INTO "fills" VALUES('sim:BTCUSDT:0','o0','momentum','sim','paper','BTCUSDT','BUY','ENTRY','0.01','64000.12','0.00001','BTC','0',1735689600000000000,0,'64000.12','stream',6);
CREATE TABLE instruments (
	venue TEXT NOT NULL, 
	version TEXT NOT NULL, 
	symbol TEXT NOT NULL, 
	base_asset TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	sector TEXT NOT NULL, 
	status TEXT NOT NULL, 
	is_trading BOOLEAN NOT NULL, 
	tick_size TEXT NOT NULL, 
	lot_size TEXT NOT NULL, 
	min_quantity TEXT NOT NULL, 
	max_quantity TEXT NOT NULL, 
	min_notional TEXT NOT NULL, 
	first_seen_ns BIGINT NOT NULL, 
	seq BIGINT NOT NULL, 
	PRIMARY KEY (venue, version, symbol)
);
INSERT INTO "instruments" VALUES('sim','v1','BTCUSDT','BTC','USDT','','TRADING',1,'0.01','0.00001','0.00001','9000','5',1735689600000000000,22);
CREATE TABLE leases (
	venue TEXT NOT NULL, 
	account TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	epoch BIGINT NOT NULL, 
	expires_at_ns BIGINT, 
	released_ns BIGINT, 
	seq BIGINT NOT NULL, 
	PRIMARY KEY (venue, account)
);
INSERT INTO "leases" VALUES('sim','paper','one',1,NULL,NULL,17);
CREATE TABLE opening_balances (
	venue TEXT NOT NULL, 
	account TEXT NOT NULL, 
	at_ns BIGINT NOT NULL, 
	balances TEXT NOT NULL, 
	seq BIGINT NOT NULL, 
	PRIMARY KEY (venue, account)
);
INSERT INTO "opening_balances" VALUES('sim','paper',1735689600000000000,'[{"asset":"USDT","free":"1000000","locked":"0"}]',2);
CREATE TABLE operator_actions (
	seq INTEGER NOT NULL, 
	operator TEXT NOT NULL, 
	action TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	at_ns BIGINT NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "operator_actions" VALUES(21,'me','stop','to see',1735689600000000000);
CREATE TABLE order_aliases (
	client_order_id TEXT NOT NULL, 
	venue_order_id TEXT NOT NULL, 
	venue TEXT NOT NULL, 
	account TEXT NOT NULL, 
	venue_date TEXT, 
	branch TEXT NOT NULL, 
	first_seen_ns BIGINT NOT NULL, 
	seq BIGINT NOT NULL, 
	PRIMARY KEY (client_order_id, venue_order_id), 
	CONSTRAINT uq_order_aliases_number UNIQUE (venue, account, venue_date, branch, venue_order_id)
);
INSERT INTO "order_aliases" VALUES('o1','901','sim','paper','20250101','',1735689600000000000,18);
INSERT INTO "order_aliases" VALUES('o11','901x','sim','paper',NULL,'',1735689600000000000,25);
INSERT INTO "order_aliases" VALUES('o12','903','sim','paper',NULL,'',1735689600000000000,27);
CREATE TABLE order_intents (
	intent_id TEXT NOT NULL, 
	action_key TEXT NOT NULL, 
	status TEXT NOT NULL, 
	code TEXT, 
	reason TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	strategy_id TEXT NOT NULL, 
	venue TEXT NOT NULL, 
	account TEXT NOT NULL, 
	group_id TEXT NOT NULL, 
	leg INTEGER NOT NULL, 
	symbol TEXT NOT NULL, 
	side TEXT NOT NULL, 
	intent_type TEXT NOT NULL, 
	quantity TEXT NOT NULL, 
	order_type TEXT NOT NULL, 
	limit_price TEXT, 
	reserved_notional TEXT NOT NULL, 
	created_ns BIGINT NOT NULL, 
	updated_ns BIGINT NOT NULL, 
	correlation_id TEXT NOT NULL, 
	decision_id TEXT, 
	payload TEXT NOT NULL, 
	seq BIGINT NOT NULL, 
	PRIMARY KEY (intent_id), 
	UNIQUE (action_key)
);
INSERT INTO "order_intents" VALUES('i0','a0','DONE',NULL,'filled','strategy','momentum','sim','paper','g',0,'BTCUSDT','BUY','ENTRY','0.01','LMT','64000.12','640.0012',1735689602000000000,1735689604000000000,'tick-1',NULL,'{"account":"paper","action_key":"a0","correlation_id":"tick-1","decision_id":null,"decision_time_ns":1735689600000000000,"expires_at_ns":null,"group_id":"g","intent_id":"i0","intent_type":"ENTRY","leg":0,"limit_price":"64000.12","market":null,"order_type":"LMT","origin":"strategy","quantity":"0.01","reason":"it rises","reason_codes":[],"side":"BUY","split":"SINGLE","strategy_epoch":0,"strategy_id":"momentum","symbol":"BTCUSDT","tick_received_monotonic_ns":null,"time_in_force":"GTC","urgency":5,"venue":"sim"}',8);
INSERT INTO "order_intents" VALUES('i11','a11','NEW',NULL,'it rises','strategy','momentum','sim','paper','g',0,'BTCUSDT','BUY','ENTRY','0.01','LMT','64000.12','640.0012',1735689600000000000,1735689600000000000,'tick-1',NULL,'{"account":"paper","action_key":"a11","correlation_id":"tick-1","decision_id":null,"decision_time_ns":1735689600000000000,"expires_at_ns":null,"group_id":"g","intent_id":"i11","intent_type":"ENTRY","leg":0,"limit_price":"64000.12","market":null,"order_type":"LMT","origin":"strategy","quantity":"0.01","reason":"it rises","reason_codes":[],"side":"BUY","split":"SINGLE","strategy_epoch":0,"strategy_id":"momentum","symbol":"BTCUSDT","tick_received_monotonic_ns":null,"time_in_force":"GTC","urgency":5,"venue":"sim"}',24);
INSERT INTO "order_intents" VALUES('i12','a12','NEW',NULL,'it rises','strategy','momentum','sim','paper','g',0,'BTCUSDT','BUY','ENTRY','0.01','LMT','64000.12','640.0012',1735689600000000000,1735689600000000000,'tick-1',NULL,'{"account":"paper","action_key":"a12","correlation_id":"tick-1","decision_id":null,"decision_time_ns":1735689600000000000,"expires_at_ns":null,"group_id":"g","intent_id":"i12","intent_type":"ENTRY","leg":0,"limit_price":"64000.12","market":null,"order_type":"LMT","origin":"strategy","quantity":"0.01","reason":"it rises","reason_codes":[],"side":"BUY","split":"SINGLE","strategy_epoch":0,"strategy_id":"momentum","symbol":"BTCUSDT","tick_received_monotonic_ns":null,"time_in_force":"GTC","urgency":5,"venue":"sim"}',26);
INSERT INTO "order_intents" VALUES('i13','a13','NEW',NULL,'it rises','strategy','momentum','sim','paper','g',0,'BTCUSDT','BUY','ENTRY','0.01','LMT','64000.12','640.0012',1735689600000000000,1735689600000000000,'tick-1',NULL,'{"account":"paper","action_key":"a13","correlation_id":"tick-1","decision_id":null,"decision_time_ns":1735689600000000000,"expires_at_ns":null,"group_id":"g","intent_id":"i13","intent_type":"ENTRY","leg":0,"limit_price":"64000.12","market":null,"order_type":"LMT","origin":"strategy","quantity":"0.01","reason":"it rises","reason_codes":[],"side":"BUY","split":"SINGLE","strategy_epoch":0,"strategy_id":"momentum","symbol":"BTCUSDT","tick_received_monotonic_ns":null,"time_in_force":"GTC","urgency":5,"venue":"sim"}',28);
CREATE TABLE orders (
	client_order_id TEXT NOT NULL, 
	venue_order_id TEXT, 
	intent_id TEXT NOT NULL, 
	child INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	strategy_id TEXT NOT NULL, 
	venue TEXT NOT NULL, 
	account TEXT NOT NULL, 
	symbol TEXT NOT NULL, 
	side TEXT NOT NULL, 
	intent_type TEXT NOT NULL, 
	order_type TEXT NOT NULL, 
	time_in_force TEXT NOT NULL, 
	quantity TEXT NOT NULL, 
	limit_price TEXT, 
	status TEXT NOT NULL, 
	is_open BOOLEAN NOT NULL, 
	filled TEXT NOT NULL, 
	filled_notional TEXT NOT NULL, 
	leaves TEXT NOT NULL, 
	reason TEXT, 
	created_ns BIGINT NOT NULL, 
	submitted_ns BIGINT, 
	updated_ns BIGINT NOT NULL, 
	correlation_id TEXT NOT NULL, 
	raw TEXT, 
	payload TEXT NOT NULL, 
	seq BIGINT NOT NULL, instruments_version TEXT, 
	PRIMARY KEY (client_order_id), 
	CONSTRAINT uq_orders_intent_child_attempt UNIQUE (intent_id, child, attempt)
);
INSERT INTO "orders" VALUES('o0',NULL,'i0',0,0,'momentum','sim','paper','BTCUSDT','BUY','ENTRY','LMT','GTC','0.01','64000.12','FILLED',0,'0.01','640.0012','0',NULL,1735689600000000000,NULL,1735689600000000000,'tick-1','{"status":"NEW","note":"한국어 "}','{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0.01","filled_notional":"640.0012","instruments_version":null,"intent_id":"i0","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"FILLED","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o0","intent_type":"ENTRY","is_stop_plan":false,"limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":null}',7,NULL);
INSERT INTO "orders" VALUES('o11','901x','i11',0,0,'momentum','sim','paper','BTCUSDT','BUY','ENTRY','LMT','GTC','0.01','64000.12','PARTIAL',1,'0.004','0.00','0.006',NULL,1735689600000000000,NULL,1735689600000000000,'tick-1','{"status":"NEW","note":"한국어 "}','{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0.004","filled_notional":"0.00","instruments_version":"v1","intent_id":"i11","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"PARTIAL","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o11","intent_type":"ENTRY","is_stop_plan":false,"limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":"901x"}',25,'v1');
INSERT INTO "orders" VALUES('o12','903','i12',0,0,'momentum','sim','paper','BTCUSDT','BUY','ENTRY','LMT','GTC','0.01','64000.12','ERROR',1,'0','0.00','0.01',NULL,1735689600000000000,NULL,1735689600000000000,'tick-1','{"status":"NEW","note":"한국어 "}','{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0","filled_notional":"0.00","instruments_version":"v1","intent_id":"i12","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"UNKNOWN","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o12","intent_type":"ENTRY","is_stop_plan":false,"limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":"903"}',27,'v1');
INSERT INTO "orders" VALUES('o13',NULL,'i13',0,0,'momentum','sim','paper','BTCUSDT','BUY','ENTRY','LMT','GTC','0.01','64000.12','PENDING_SUBMIT',1,'0','0.00','0.01',NULL,1735689600000000000,NULL,1735689600000000000,'tick-1','{"status":"NEW","note":"한국어 "}','{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0","filled_notional":"0.00","instruments_version":"v1","intent_id":"i13","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"PENDING_SUBMIT","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o13","intent_type":"ENTRY","is_stop_plan":false,"limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":null}',29,'v1');
CREATE TABLE portfolio_snapshots (
	seq INTEGER NOT NULL, 
	venue TEXT NOT NULL, 
	account TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	cash TEXT NOT NULL, 
	equity TEXT NOT NULL, 
	realised_pnl TEXT NOT NULL, 
	unrealised_pnl TEXT NOT NULL, 
	day_pnl TEXT NOT NULL, 
	peak_equity TEXT NOT NULL, 
	drawdown TEXT NOT NULL, 
	at_ns BIGINT NOT NULL, 
	payload TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "portfolio_snapshots" VALUES(10,'sim','paper','USDT','999359.9988','999359.9988','0','0','0','999359.9988','0',1735689600000000000,'{"account":"paper","at_ns":1735689600000000000,"balances":[],"cash":"999359.9988","currency":"USDT","day_pnl":"0","drawdown":"0","equity":"999359.9988","peak_equity":"999359.9988","positions":[],"realised_pnl":"0","unmarked":[],"unrealised_pnl":"0","venue":"sim"}');
CREATE TABLE positions (
	strategy_id TEXT NOT NULL, 
	venue TEXT NOT NULL, 
	account TEXT NOT NULL, 
	symbol TEXT NOT NULL, 
	quantity TEXT NOT NULL, 
	average_price TEXT NOT NULL, 
	realised_pnl TEXT NOT NULL, 
	fees_quote TEXT NOT NULL, 
	last_fill_id TEXT, 
	updated_ns BIGINT NOT NULL, 
	seq BIGINT NOT NULL, 
	PRIMARY KEY (strategy_id, venue, account, symbol)
);
INSERT INTO "positions" VALUES('momentum','sim','paper','BTCUSDT','0.00999','64000.12','0','0','sim:BTCUSDT:0',1735689600000000000,9);
CREATE TABLE risk_events (
	seq INTEGER NOT NULL, 
	type TEXT NOT NULL, 
	code TEXT, 
	limit_name TEXT, 
	value TEXT, 
	limit_value TEXT, 
	level INTEGER, 
	scope TEXT, 
	at_ns BIGINT NOT NULL, 
	payload TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "risk_events" VALUES(12,'RiskRefusalRecorded','MAX_LOSS','loss','101','100',NULL,'symbol:BTCUSDT',1735689607000000000,'{"code":"MAX_LOSS","detail":"enough","intent_id":"i99","limit":"100","limit_name":"loss","strategy_id":"momentum","symbol":"BTCUSDT","value":"101"}');
CREATE TABLE sessions (
	session_id TEXT NOT NULL, 
	mode TEXT NOT NULL, 
	venue TEXT NOT NULL, 
	account_masked TEXT NOT NULL, 
	strategies TEXT NOT NULL, 
	config_snapshot_id TEXT NOT NULL, 
	code_version TEXT NOT NULL, 
	seed TEXT NOT NULL, 
	started_ns BIGINT NOT NULL, 
	stopped_ns BIGINT, 
	stop_reason TEXT, 
	seq BIGINT NOT NULL, 
	PRIMARY KEY (session_id)
);
INSERT INTO "sessions" VALUES('s-1','paper','sim','pa***','["momentum"]','c1','0.1','1180591620717411303424',1735689600000000000,1735689600000000000,'asked to',1);
CREATE TABLE strangers (
	kind TEXT NOT NULL, 
	symbol TEXT NOT NULL, 
	number TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	strategy_id TEXT, 
	decided_ns BIGINT, 
	payload TEXT, 
	seq BIGINT NOT NULL, 
	PRIMARY KEY (kind, symbol, number)
);
INSERT INTO "strangers" VALUES('order','BTCUSDT','1','seen',NULL,NULL,'{"channel":"","client_order_id":"by-hand-1","created_ns":1735689600000000000,"filled":"0","filled_notional":"0","limit_price":"64000.12","order_type":"LIMIT","quantity":"0.01","side":"BUY","status":"SUBMITTED","symbol":"BTCUSDT","updated_ns":1735689600000000000,"venue_order_id":"1"}',23);
CREATE TABLE trades (
	trade_id TEXT NOT NULL, 
	strategy_id TEXT NOT NULL, 
	venue TEXT NOT NULL, 
	symbol TEXT NOT NULL, 
	quantity TEXT NOT NULL, 
	entry_price TEXT NOT NULL, 
	exit_price TEXT NOT NULL, 
	entry_ns BIGINT NOT NULL, 
	exit_ns BIGINT NOT NULL, 
	pnl TEXT NOT NULL, 
	currency TEXT NOT NULL, 
	fees TEXT NOT NULL, 
	buy_slippage_bps TEXT, 
	sell_slippage_bps TEXT, 
	buy_fill_ratio TEXT NOT NULL, 
	sell_fill_ratio TEXT NOT NULL, 
	trade_result TEXT NOT NULL, 
	seq BIGINT NOT NULL, 
	PRIMARY KEY (trade_id)
);
INSERT INTO "trades" VALUES('t0','momentum','sim','BTCUSDT','0.01','64000.12','64000.12',1735689600000000000,1735689600000000000,'-0.1','USDT','0.1',NULL,'1.5','1','1','loss',11);
CREATE INDEX ix_events_session ON events (session_id, seq);
CREATE INDEX ix_events_session_stream ON events (session_id, stream, seq);
CREATE INDEX ix_order_intents_status ON order_intents (status);
CREATE INDEX ix_orders_open ON orders (is_open, seq);
CREATE INDEX ix_orders_venue_order_id ON orders (venue_order_id);
CREATE INDEX ix_orders_created ON orders (created_ns);
CREATE INDEX ix_fills_executed ON fills (executed_ns);
CREATE INDEX ix_fills_seq ON fills (seq);
CREATE INDEX ix_fills_order ON fills (client_order_id, executed_ns DESC);
CREATE INDEX ix_order_aliases_venue_order_id ON order_aliases (venue_order_id);
CREATE INDEX ix_adjustments_effective ON adjustments (effective_ns);
CREATE INDEX ix_deadlines_due ON deadlines (due_ns);
CREATE INDEX ix_strangers_seq ON strangers (seq);
COMMIT;
