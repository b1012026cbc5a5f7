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
	seq BIGINT NOT NULL, 
	PRIMARY KEY (adjustment_id)
);
INSERT INTO "adjustments" VALUES('sim:1','DEPOSIT','sim','paper','USDT','500',NULL,NULL,'venue','seen in the account',1735689600000000000,20);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
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
INSERT INTO "events" VALUES(4,1,1735689602000000000,'obs_orders_fills','OrderRecorded','s-1','tick-1',NULL,'{"change":"accepted","evidence_at_ns":null,"is_late":false,"notes":[],"order":{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0","filled_notional":"0.00","intent_id":"i0","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"PENDING_SUBMIT","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o0","intent_type":"ENTRY","limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":null},"type":"OrderRecorded"}','d1ada971cdc5bfba87b7e56b669593a67f79e0e3462449d7599293b0b604bb42','1c2ae53f58944c5a4877752ab67e64bc936f242a66adb51b7332bab7952c69fd');
INSERT INTO "events" VALUES(5,1,1735689603000000000,'obs_orders_fills','OrderRecorded','s-1','tick-1',NULL,'{"change":"accepted","evidence_at_ns":null,"is_late":false,"notes":[],"order":{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0","filled_notional":"0.00","intent_id":"i0","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"SUBMITTED","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o0","intent_type":"ENTRY","limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":null},"type":"OrderRecorded"}','1c2ae53f58944c5a4877752ab67e64bc936f242a66adb51b7332bab7952c69fd','c5576647b9663fc26062c09bb36841b1ada3e275ebdf4aa67df5e81eb2f8fdbd');
INSERT INTO "events" VALUES(6,1,1735689604000000000,'obs_orders_fills','FillRecorded','s-1','tick-1',NULL,'{"decision_price":"64000.12","fill":{"account":"paper","client_order_id":"o0","executed_ns":1735689600000000000,"fee":"0.00001","fee_asset":"BTC","fill_id":"sim:BTCUSDT:0","is_maker":false,"price":"64000.12","quantity":"0.01","side":"BUY","strategy_id":"momentum","symbol":"BTCUSDT","tax":"0","venue":"sim"},"intent_type":"ENTRY","source":"stream","type":"FillRecorded"}','c5576647b9663fc26062c09bb36841b1ada3e275ebdf4aa67df5e81eb2f8fdbd','c8faf18a6fa01e7b0bc21c48cbf06a545a7889d6d1b366b11367a00d0ea38aac');
INSERT INTO "events" VALUES(7,1,1735689604000000000,'obs_orders_fills','OrderRecorded','s-1','tick-1',NULL,'{"change":"accepted","evidence_at_ns":null,"is_late":false,"notes":[],"order":{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0.01","filled_notional":"640.0012","intent_id":"i0","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"FILLED","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o0","intent_type":"ENTRY","limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":null},"type":"OrderRecorded"}','c8faf18a6fa01e7b0bc21c48cbf06a545a7889d6d1b366b11367a00d0ea38aac','4b82cd1487b45a8c48ddd47d82f0473c511900b39e1118241584b4a2261012fe');
INSERT INTO "events" VALUES(8,1,1735689604000000000,'obs_orders_fills','IntentStatusChanged','s-1','tick-1',NULL,'{"code":null,"intent_id":"i0","reason":"filled","status":"DONE","type":"IntentStatusChanged"}','4b82cd1487b45a8c48ddd47d82f0473c511900b39e1118241584b4a2261012fe','018d4daa42b1f911c92f3f989ebbd654461fb800fc5e58757d1c3ef223c41605');
INSERT INTO "events" VALUES(9,1,1735689605000000000,'portfolio','PositionRecorded','s-1','tick-1',NULL,'{"position":{"account":"paper","average_price":"64000.12","fees_quote":"0","last_fill_id":"sim:BTCUSDT:0","quantity":"0.00999","realised_pnl":"0","strategy_id":"momentum","symbol":"BTCUSDT","updated_ns":1735689600000000000,"venue":"sim"},"type":"PositionRecorded"}','018d4daa42b1f911c92f3f989ebbd654461fb800fc5e58757d1c3ef223c41605','05c1327a4f23c92ab714dfc570d695742238dd0cf4bb5f2457400cdea9d24cb8');
INSERT INTO "events" VALUES(10,1,1735689606000000000,'portfolio','PortfolioRecorded','s-1','tick-1',NULL,'{"snapshot":{"account":"paper","at_ns":1735689600000000000,"balances":[],"cash":"999359.9988","currency":"USDT","day_pnl":"0","drawdown":"0","equity":"999359.9988","peak_equity":"999359.9988","positions":[],"realised_pnl":"0","unmarked":[],"unrealised_pnl":"0","venue":"sim"},"type":"PortfolioRecorded"}','05c1327a4f23c92ab714dfc570d695742238dd0cf4bb5f2457400cdea9d24cb8','4799722f979ff25b1f23403bdb88ddecb5beef38be29b210b1aef8d15f45583c');
INSERT INTO "events" VALUES(11,1,1735689606000000000,'obs_trades','RoundTripRecorded','s-1','tick-1',NULL,'{"trade":{"buy_fill_ratio":"1","buy_slippage_bps":null,"currency":"USDT","entry_ns":1735689600000000000,"entry_price":"64000.12","exit_ns":1735689600000000000,"exit_price":"64000.12","fees":"0.1","pnl":"-0.1","quantity":"0.01","sell_fill_ratio":"1","sell_slippage_bps":"1.5","strategy_id":"momentum","symbol":"BTCUSDT","trade_id":"t0","trade_result":"loss","venue":"sim"},"type":"RoundTripRecorded"}','4799722f979ff25b1f23403bdb88ddecb5beef38be29b210b1aef8d15f45583c','2c4c05d81351c14860590d8964986b6c777656a63175655c117b050b97e7a762');
INSERT INTO "events" VALUES(12,1,1735689607000000000,'risk_events','RiskRefusalRecorded','s-1','tick-1',NULL,'{"refusal":{"code":"MAX_LOSS","detail":"enough","intent_id":"i99","limit":"100","limit_name":"loss","strategy_id":"momentum","symbol":"BTCUSDT","value":"101"},"type":"RiskRefusalRecorded"}','2c4c05d81351c14860590d8964986b6c777656a63175655c117b050b97e7a762','32fe9778ce55fc6c95766360ca41dd323df4b648d58e9eab22f42badb3a893fe');
INSERT INTO "events" VALUES(13,1,1735689608000000000,'failures','FailureRecorded','s-1','tick-1',NULL,'{"failure":{"by_operator":false,"detail":"late","mode":"data_delay","recovered":false,"scope":"all"},"type":"FailureRecorded"}','32fe9778ce55fc6c95766360ca41dd323df4b648d58e9eab22f42badb3a893fe','71a7858d96a8a9c57b5cd96d31f7e34c2ac2cdfcdb411b00e55b68ab2778f37c');
INSERT INTO "events" VALUES(14,1,1735689609000000000,'portfolio','AccountObserved','s-1','tick-1',NULL,'{"account":"paper","at_ns":1735689600000000000,"balances":[{"asset":"USDT","free":"999359.9988","locked":"0"},{"asset":"BTC","free":"0.00999","locked":"0"}],"differences":{},"type":"AccountObserved","venue":"sim"}','71a7858d96a8a9c57b5cd96d31f7e34c2ac2cdfcdb411b00e55b68ab2778f37c','0fa7e4ae35fbdb9cb5075050b7229e6679e6b9da11c15699a460bac67f2aa38d');
INSERT INTO "events" VALUES(15,1,1735689610000000000,'ops','SessionStopped','s-1','tick-1',NULL,'{"at_ns":1735689600000000000,"reason":"asked to","session_id":"s-1","type":"SessionStopped"}','0fa7e4ae35fbdb9cb5075050b7229e6679e6b9da11c15699a460bac67f2aa38d','198075fa93aecc54fff6b550eb47a56b9da9546bca71741ee5b4d4c2db6c9a5d');
INSERT INTO "events" VALUES(16,1,1735689600000000000,'ops','ConfigSnapshotRecorded','s-1','tick-1',NULL,'{"at_ns":1735689600000000000,"config_snapshot_id":"c1","content":"{}","type":"ConfigSnapshotRecorded"}','198075fa93aecc54fff6b550eb47a56b9da9546bca71741ee5b4d4c2db6c9a5d','019ba2333ff2f20309da9e17010fd5e2a332003f617f5ffd56dd6a7c96307ce9');
INSERT INTO "events" VALUES(17,1,1735689600000000000,'ops','LeaseTaken','s-1','tick-1',NULL,'{"account":"paper","at_ns":1735689600000000000,"epoch":1,"expires_at_ns":null,"owner":"one","type":"LeaseTaken","venue":"sim"}','019ba2333ff2f20309da9e17010fd5e2a332003f617f5ffd56dd6a7c96307ce9','542d31b5c7e997f3091945eeeb6677aaf3428b7efa997d8a58eb8597fc1c8512');
INSERT INTO "events" VALUES(18,1,1735689600000000000,'obs_orders_fills','OrderAliasRecorded','s-1','tick-1',NULL,'{"account":"paper","branch":"","client_order_id":"o1","reason":"amended","type":"OrderAliasRecorded","venue":"sim","venue_date":"20250101","venue_order_id":"901"}','542d31b5c7e997f3091945eeeb6677aaf3428b7efa997d8a58eb8597fc1c8512','b8da62eac6122a9ee0e5aa7104a8f7e17a9f38763772c61b3d8fb9e649df08af');
INSERT INTO "events" VALUES(19,1,1735689600000000000,'obs_orders_fills','DeadlineSet','s-1','tick-1',NULL,'{"deadline_id":"d1","due_ns":1735689600000000000,"kind":"query","payload":"{\"order\":\"o1\"}","type":"DeadlineSet"}','b8da62eac6122a9ee0e5aa7104a8f7e17a9f38763772c61b3d8fb9e649df08af','ab1e7caabc92ff1d768909e301203e3853de81e6dea74fd3186b7769468947cc');
INSERT INTO "events" VALUES(20,1,1735689600000000000,'portfolio','AdjustmentRecorded','s-1','tick-1',NULL,'{"account":"paper","adjustment_id":"sim:1","amount":"500","asset":"USDT","effective_ns":1735689600000000000,"kind":"DEPOSIT","reason":"seen in the account","source":"venue","strategy_id":null,"symbol":null,"type":"AdjustmentRecorded","venue":"sim"}','ab1e7caabc92ff1d768909e301203e3853de81e6dea74fd3186b7769468947cc','52c66fbc25828417a87eba6c449a3d47bc0d1531d77c024c9954865363f308f1');
INSERT INTO "events" VALUES(21,1,1735689600000000000,'ops','OperatorActed','s-1','tick-1',NULL,'{"action":"stop","at_ns":1735689600000000000,"operator":"me","reason":"to see","type":"OperatorActed"}','52c66fbc25828417a87eba6c449a3d47bc0d1531d77c024c9954865363f308f1','5f398c166ddf82d57e814356cfb19db83d0ad1a2160e3ce52c8562b02a445cd0');
INSERT INTO "events" VALUES(22,1,1735689600000000000,'obs_orders_fills','IntentRecorded','s-1','tick-1',NULL,'{"checks":["loss 0<=100"],"intent":{"account":"paper","action_key":"a11","correlation_id":"tick-1","decision_id":null,"decision_time_ns":1735689600000000000,"expires_at_ns":null,"group_id":"g","intent_id":"i11","intent_type":"ENTRY","leg":0,"limit_price":"64000.12","market":null,"order_type":"LMT","origin":"strategy","quantity":"0.01","reason":"it rises","reason_codes":[],"side":"BUY","split":"SINGLE","strategy_epoch":0,"strategy_id":"momentum","symbol":"BTCUSDT","tick_received_monotonic_ns":null,"time_in_force":"GTC","urgency":5,"venue":"sim"},"reserved_notional":"640.0012","type":"IntentRecorded"}','5f398c166ddf82d57e814356cfb19db83d0ad1a2160e3ce52c8562b02a445cd0','7eb1eac0884050091331648d5af08eac3e83c9c282ce4d49a09b4a7b128d4b94');
INSERT INTO "events" VALUES(23,1,1735689600000000000,'obs_orders_fills','OrderRecorded','s-1','tick-1',NULL,'{"change":"accepted","evidence_at_ns":null,"is_late":false,"notes":[],"order":{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0.004","filled_notional":"256.00048","intent_id":"i11","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"PARTIAL","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o11","intent_type":"ENTRY","limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":"901x"},"type":"OrderRecorded"}','7eb1eac0884050091331648d5af08eac3e83c9c282ce4d49a09b4a7b128d4b94','b863829ecadce1059758f793b6d9e0f3687b5327faa0a22b7c2b548608cadd27');
INSERT INTO "events" VALUES(24,1,1735689600000000000,'obs_orders_fills','IntentRecorded','s-1','tick-1',NULL,'{"checks":["loss 0<=100"],"intent":{"account":"paper","action_key":"a12","correlation_id":"tick-1","decision_id":null,"decision_time_ns":1735689600000000000,"expires_at_ns":null,"group_id":"g","intent_id":"i12","intent_type":"ENTRY","leg":0,"limit_price":"64000.12","market":null,"order_type":"LMT","origin":"strategy","quantity":"0.01","reason":"it rises","reason_codes":[],"side":"BUY","split":"SINGLE","strategy_epoch":0,"strategy_id":"momentum","symbol":"BTCUSDT","tick_received_monotonic_ns":null,"time_in_force":"GTC","urgency":5,"venue":"sim"},"reserved_notional":"640.0012","type":"IntentRecorded"}','b863829ecadce1059758f793b6d9e0f3687b5327faa0a22b7c2b548608cadd27','8ff3315b3587bd2566244b2985a6b5f88a3c3967b1d2a5a738d5d8d9d6a9cf64');
INSERT INTO "events" VALUES(25,1,1735689600000000000,'obs_orders_fills','OrderRecorded','s-1','tick-1',NULL,'{"change":"accepted","evidence_at_ns":null,"is_late":false,"notes":[],"order":{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0","filled_notional":"0","intent_id":"i12","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"UNKNOWN","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o12","intent_type":"ENTRY","limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":"903"},"type":"OrderRecorded"}','8ff3315b3587bd2566244b2985a6b5f88a3c3967b1d2a5a738d5d8d9d6a9cf64','d3aa707b74ce9f80cd391926a45ea051a2e67fd8c887fae2a36674226f386404');
INSERT INTO "events" VALUES(26,1,1735689600000000000,'obs_orders_fills','IntentRecorded','s-1','tick-1',NULL,'{"checks":["loss 0<=100"],"intent":{"account":"paper","action_key":"a13","correlation_id":"tick-1","decision_id":null,"decision_time_ns":1735689600000000000,"expires_at_ns":null,"group_id":"g","intent_id":"i13","intent_type":"ENTRY","leg":0,"limit_price":"64000.12","market":null,"order_type":"LMT","origin":"strategy","quantity":"0.01","reason":"it rises","reason_codes":[],"side":"BUY","split":"SINGLE","strategy_epoch":0,"strategy_id":"momentum","symbol":"BTCUSDT","tick_received_monotonic_ns":null,"time_in_force":"GTC","urgency":5,"venue":"sim"},"reserved_notional":"640.0012","type":"IntentRecorded"}','d3aa707b74ce9f80cd391926a45ea051a2e67fd8c887fae2a36674226f386404','e4c424af9de816ddea4b235a4092491513728b2c31d9cdbf4006cf686e5d5344');
INSERT INTO "events" VALUES(27,1,1735689600000000000,'obs_orders_fills','OrderRecorded','s-1','tick-1',NULL,'{"change":"accepted","evidence_at_ns":null,"is_late":false,"notes":[],"order":{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0","filled_notional":"0","intent_id":"i13","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"PENDING_SUBMIT","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o13","intent_type":"ENTRY","limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":null},"type":"OrderRecorded"}','e4c424af9de816ddea4b235a4092491513728b2c31d9cdbf4006cf686e5d5344','11a15ce27765173251cde923678f1846646a4b1991cfe50d7ff609f205cc4b1d');
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
INSERT INTO "order_aliases" VALUES('o11','901x','sim','paper',NULL,'',1735689600000000000,23);
INSERT INTO "order_aliases" VALUES('o12','903','sim','paper',NULL,'',1735689600000000000,25);
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
INSERT INTO "order_intents" VALUES('i11','a11','NEW',NULL,'it rises','strategy','momentum','sim','paper','g',0,'BTCUSDT','BUY','ENTRY','0.01','LMT','64000.12','640.0012',1735689600000000000,1735689600000000000,'tick-1',NULL,'{"account":"paper","action_key":"a11","correlation_id":"tick-1","decision_id":null,"decision_time_ns":1735689600000000000,"expires_at_ns":null,"group_id":"g","intent_id":"i11","intent_type":"ENTRY","leg":0,"limit_price":"64000.12","market":null,"order_type":"LMT","origin":"strategy","quantity":"0.01","reason":"it rises","reason_codes":[],"side":"BUY","split":"SINGLE","strategy_epoch":0,"strategy_id":"momentum","symbol":"BTCUSDT","tick_received_monotonic_ns":null,"time_in_force":"GTC","urgency":5,"venue":"sim"}',22);
INSERT INTO "order_intents" VALUES('i12','a12','NEW',NULL,'it rises','strategy','momentum','sim','paper','g',0,'BTCUSDT','BUY','ENTRY','0.01','LMT','64000.12','640.0012',1735689600000000000,1735689600000000000,'tick-1',NULL,'{"account":"paper","action_key":"a12","correlation_id":"tick-1","decision_id":null,"decision_time_ns":1735689600000000000,"expires_at_ns":null,"group_id":"g","intent_id":"i12","intent_type":"ENTRY","leg":0,"limit_price":"64000.12","market":null,"order_type":"LMT","origin":"strategy","quantity":"0.01","reason":"it rises","reason_codes":[],"side":"BUY","split":"SINGLE","strategy_epoch":0,"strategy_id":"momentum","symbol":"BTCUSDT","tick_received_monotonic_ns":null,"time_in_force":"GTC","urgency":5,"venue":"sim"}',24);
INSERT INTO "order_intents" VALUES('i13','a13','NEW',NULL,'it rises','strategy','momentum','sim','paper','g',0,'BTCUSDT','BUY','ENTRY','0.01','LMT','64000.12','640.0012',1735689600000000000,1735689600000000000,'tick-1',NULL,'{"account":"paper","action_key":"a13","correlation_id":"tick-1","decision_id":null,"decision_time_ns":1735689600000000000,"expires_at_ns":null,"group_id":"g","intent_id":"i13","intent_type":"ENTRY","leg":0,"limit_price":"64000.12","market":null,"order_type":"LMT","origin":"strategy","quantity":"0.01","reason":"it rises","reason_codes":[],"side":"BUY","split":"SINGLE","strategy_epoch":0,"strategy_id":"momentum","symbol":"BTCUSDT","tick_received_monotonic_ns":null,"time_in_force":"GTC","urgency":5,"venue":"sim"}',26);
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
	seq BIGINT NOT NULL, 
	PRIMARY KEY (client_order_id), 
	CONSTRAINT uq_orders_intent_child_attempt UNIQUE (intent_id, child, attempt)
);
INSERT INTO "orders" VALUES('o0',NULL,'i0',0,0,'momentum','sim','paper','BTCUSDT','BUY','ENTRY','LMT','GTC','0.01','64000.12','FILLED',0,'0.01','640.0012','0',NULL,1735689600000000000,NULL,1735689600000000000,'tick-1','{"status":"NEW","note":"한국어 "}','{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0.01","filled_notional":"640.0012","intent_id":"i0","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"FILLED","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o0","intent_type":"ENTRY","limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":null}',7);
INSERT INTO "orders" VALUES('o11','901x','i11',0,0,'momentum','sim','paper','BTCUSDT','BUY','ENTRY','LMT','GTC','0.01','64000.12','PARTIAL',1,'0.004','256.00048','0.006',NULL,1735689600000000000,NULL,1735689600000000000,'tick-1','{"status":"NEW","note":"한국어 "}','{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0.004","filled_notional":"256.00048","intent_id":"i11","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"PARTIAL","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o11","intent_type":"ENTRY","limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":"901x"}',23);
INSERT INTO "orders" VALUES('o12','903','i12',0,0,'momentum','sim','paper','BTCUSDT','BUY','ENTRY','LMT','GTC','0.01','64000.12','ERROR',1,'0','0','0.01',NULL,1735689600000000000,NULL,1735689600000000000,'tick-1','{"status":"NEW","note":"한국어 "}','{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0","filled_notional":"0","intent_id":"i12","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"UNKNOWN","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o12","intent_type":"ENTRY","limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":"903"}',25);
INSERT INTO "orders" VALUES('o13',NULL,'i13',0,0,'momentum','sim','paper','BTCUSDT','BUY','ENTRY','LMT','GTC','0.01','64000.12','PENDING_SUBMIT',1,'0','0','0.01',NULL,1735689600000000000,NULL,1735689600000000000,'tick-1','{"status":"NEW","note":"한국어 "}','{"attempt":0,"child":0,"correlation_id":"tick-1","created_ns":1735689600000000000,"filled":"0","filled_notional":"0","intent_id":"i13","raw":"{\"status\":\"NEW\",\"note\":\"한국어 \"}","reason":null,"status":"PENDING_SUBMIT","strategy_id":"momentum","submitted_ns":null,"ticket":{"account":"paper","client_order_id":"o13","intent_type":"ENTRY","limit_price":"64000.12","order_type":"LMT","quantity":"0.01","side":"BUY","symbol":"BTCUSDT","time_in_force":"GTC","venue":"sim"},"updated_ns":1735689600000000000,"venue_order_id":null}',27);
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
COMMIT;
