using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.WebUtilities;

namespace Stoa.Node.Tests.Payments;

/// <summary>What Stripe keeps, and how it answers: sessions, intents, refunds, disputes, accounts and transfers, with the public API's shapes.</summary>
/// <remarks>It is stricter than need be: a request with a parameter, a version, a key or a form that is not as the reference says is refused as Stripe would. The same
/// idempotency key gives the same answer, and with other parameters an error.</remarks>
public sealed class FakeStripe
{
    public const string Key = "sk_test_51FakeKeyOfTheTests";
    public const string WebhookSecret = "whsec_secretOfTheFirstEndpoint";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, JsonObject> _things = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Request, int Status, string Body)> _answered = new(StringComparer.Ordinal);
    private readonly List<JsonObject> _events = [];
    private int _made;

    /// <summary>What this account has at Stripe, in cents.</summary>
    public long Balance { get; private set; }

    /// <summary>What would be sent to webhooks, oldest first.</summary>
    public IReadOnlyList<JsonObject> Events
    {
        get
        {
            lock (_gate)
                return [.. _events];
        }
    }

    /// <summary>Requests as <c>METHOD path</c>.</summary>
    public List<string> Requests { get; } = [];

    /// <summary>Whether refunds are decided later.</summary>
    public bool RefundsArePending { get; set; }

    /// <summary>Keys are forgotten after a day.</summary>
    public void ForgetIdempotencyKeys()
    {
        lock (_gate)
            _answered.Clear();
    }

    public JsonObject Thing(string id)
    {
        lock (_gate)
            return _things[id];
    }

    public IReadOnlyList<JsonObject> All(string kind)
    {
        lock (_gate)
            return [.. _things.Values.Where(thing => (string)thing["object"]! == kind)];
    }

    /// <summary>One request.</summary>
    public (int Status, string Body) Answer(string method, string path, string query, Func<string, string?> header, string? mediaType, string body)
    {
        lock (_gate)
        {
            Requests.Add($"{method} {path}");
            try
            {
                Require(header("Authorization") == "Bearer " + Key, 401, "Invalid API Key provided: sk_test_********", "invalid_api_key");
                Require(header("Stripe-Version") == Stoa.Node.Payments.StripeHttp.ApiVersion, 400, "Invalid Stripe API version", null);
                if (method == "GET")
                    return (200, Get(path, Parse(query.TrimStart('?'))).ToJsonString());
                Require(method == "POST" && mediaType == "application/x-www-form-urlencoded", 400, "A form is expected.", null);
                var key = header("Idempotency-Key");
                Require(key is { Length: > 0 and <= 255 }, 400, "These tests want a key with every POST.", null);
                var request = $"{path} {body}";
                if (_answered.TryGetValue(key!, out var before))
                {
                    Require(before.Request == request, 400, "Keys for idempotent requests can only be used with the same parameters they were first used with.", null, "idempotency_error");
                    return (before.Status, before.Body);
                }

                var (status, answer) = Try(() => Post(path, Parse(body)).ToJsonString());
                _answered[key!] = (request, status, answer);
                return (status, answer);
            }
            catch (Refused refused)
            {
                return (refused.Status, refused.Body);
            }
        }
    }

    /// <summary>The payer pays.</summary>
    public void Pay(string session) => Change(session, checkout =>
    {
        if ((string)checkout["payment_status"]! == "paid")
            return;
        var intent = (JsonObject)_things[(string)checkout["payment_intent"]!];
        (checkout["status"], checkout["payment_status"]) = ("complete", "paid");
        (intent["status"], intent["amount_received"]) = ("succeeded", (long)checkout["amount_total"]!);
        Balance += (long)checkout["amount_total"]!;
        Tell("checkout.session.completed", checkout);
        Tell("payment_intent.succeeded", intent);
    });

    /// <summary>The payer is done, by a method that takes days.</summary>
    public void Process(string session) => Change(session, checkout =>
    {
        checkout["status"] = "complete";
        _things[(string)checkout["payment_intent"]!]["status"] = "processing";
        Tell("checkout.session.completed", checkout);
    });

    /// <summary>The method is refused after all.</summary>
    public void Fail(string session) => Change(session, checkout =>
    {
        checkout["status"] = "complete";
        _things[(string)checkout["payment_intent"]!]["status"] = "requires_payment_method";
        Tell("checkout.session.async_payment_failed", checkout);
    });

    public void Expire(string session) => Change(session, checkout =>
    {
        checkout["status"] = "expired";
        checkout["url"] = null;
        Tell("checkout.session.expired", checkout);
    });

    /// <summary>Somebody refunds in the dashboard.</summary>
    /// <returns>Whether there was so much left.</returns>
    public bool RefundByHand(string intent, long cents)
    {
        lock (_gate)
            return Try(() => Refund(intent, cents, [], isPending: false).ToJsonString()).Status == 200;
    }

    /// <summary>What of a payment was neither refunded nor taken back.</summary>
    public long LeftOf(string intent)
    {
        lock (_gate)
            return (long)_things[intent]["amount_received"]! - SumOf("refund", intent, "failed") - SumOf("dispute", intent, "won");
    }

    public void DecideRefund(string refund, bool succeeds) => Change(refund, found =>
    {
        if ((string)found["status"]! is not ("pending" or "succeeded") || (string)found["status"]! == (succeeds ? "succeeded" : "failed"))
            return;
        found["status"] = succeeds ? "succeeded" : "failed";
        if (!succeeds)
        {
            found["failure_reason"] = "lost_or_stolen_card";
            Balance += (long)found["amount"]!;
        }

        Tell(succeeds ? "refund.updated" : "refund.failed", found);
    });

    public string OpenDispute(string intent, long cents)
    {
        lock (_gate)
        {
            var dispute = Make("dp", "dispute", new() { ["amount"] = cents, ["currency"] = "usd", ["payment_intent"] = intent, ["status"] = "needs_response" });
            Balance -= cents;
            Tell("charge.dispute.created", dispute);
            return (string)dispute["id"]!;
        }
    }

    public void CloseDispute(string id, bool isWon) => Change(id, dispute =>
    {
        if ((string)dispute["status"]! != "needs_response")
            return;
        dispute["status"] = isWon ? "won" : "lost";
        if (isWon)
            Balance += (long)dispute["amount"]!;
        Tell("charge.dispute.closed", dispute);
    });

    /// <summary>The creator has told Stripe what it asks for.</summary>
    public void Onboard(string account) => Change(account, found =>
    {
        (found["details_submitted"], found["payouts_enabled"], found["capabilities"]!["transfers"]) = (true, true, "active");
        Tell("account.updated", found, account);
    });

    public void ReverseTransfer(string id, long cents) => Change(id, transfer =>
    {
        transfer["amount_reversed"] = (long)transfer["amount_reversed"]! + cents;
        Balance += cents;
        Tell("transfer.reversed", transfer);
    });

    private JsonNode Get(string path, Dictionary<string, string> query)
    {
        string[] parts = path.Trim('/').Split('/');
        switch (parts)
        {
            case ["v1", "checkout", "sessions", var id]:
                Allow(query, "expand[]");
                var session = Find(id, "checkout.session");
                var shown = session.DeepClone().AsObject();
                if (query.GetValueOrDefault("expand[]") == "payment_intent" && (string?)session["payment_intent"] is { } intent)
                    shown["payment_intent"] = _things[intent].DeepClone();
                return shown;
            case ["v1", "refunds"]:
                return List(query, "refund", "payment_intent");
            case ["v1", "disputes"]:
                return List(query, "dispute", "payment_intent");
            case ["v1", "transfers"]:
                return List(query, "transfer", "transfer_group");
            case ["v1", "transfers", var id]:
                Allow(query);
                return Find(id, "transfer").DeepClone();
            case ["v1", "accounts", var id]:
                Allow(query);
                return Find(id, "account").DeepClone();
            default:
                throw new Refused(404, $"Unrecognized request URL (GET: {path}).", null);
        }
    }

    private JsonObject Post(string path, Dictionary<string, string> form)
    {
        switch (path.Trim('/'))
        {
            case "v1/customers":
                Allow(form, "email", "name", "metadata[stoa]");
                return Make("cus", "customer", new() { ["email"] = form.GetValueOrDefault("email"), ["metadata"] = Metadata(form, "metadata") });
            case "v1/checkout/sessions":
                return Checkout(form);
            case "v1/refunds":
                Allow(form, "payment_intent", "amount", "metadata[stoa]");
                return Refund(Needed(form, "payment_intent"), Cents(form, "amount"), Metadata(form, "metadata"), RefundsArePending);
            case "v1/accounts":
                Allow(form, "type", "email", "capabilities[transfers][requested]", "metadata[stoa]");
                Require(Needed(form, "type") == "express", 400, "Invalid type", null);
                return Make("acct", "account", new()
                {
                    ["type"] = "express",
                    ["details_submitted"] = false,
                    ["payouts_enabled"] = false,
                    ["charges_enabled"] = false,
                    ["capabilities"] = new JsonObject { ["transfers"] = "inactive" },
                    ["metadata"] = Metadata(form, "metadata"),
                });
            case "v1/account_links":
                Allow(form, "account", "type", "return_url", "refresh_url");
                Require(Needed(form, "type") == "account_onboarding", 400, "Invalid type", null);
                return new JsonObject { ["object"] = "account_link", ["url"] = $"https://connect.stripe.com/setup/e/{Find(Needed(form, "account"), "account")["id"]}/{++_made}" };
            case "v1/transfers":
                return Transfer(form);
            case "v1/billing_portal/sessions":
                Allow(form, "customer", "return_url");
                return new JsonObject { ["object"] = "billing_portal.session", ["url"] = $"https://billing.stripe.com/p/session/{Find(Needed(form, "customer"), "customer")["id"]}" };
            default:
                throw new Refused(404, $"Unrecognized request URL (POST: {path}).", null);
        }
    }

    private JsonObject Checkout(Dictionary<string, string> form)
    {
        Allow(
            form, "mode", "customer", "client_reference_id", "line_items[0][quantity]", "line_items[0][price_data][currency]", "line_items[0][price_data][unit_amount]",
            "line_items[0][price_data][product_data][name]", "success_url", "cancel_url", "metadata[stoa]", "payment_intent_data[metadata][stoa]");
        Require(Needed(form, "mode") == "payment" && Needed(form, "line_items[0][quantity]") == "1", 400, "Invalid mode", null);
        Require(Uri.TryCreate(Needed(form, "success_url"), UriKind.Absolute, out _), 400, "Not a valid URL", "url_invalid");
        Find(Needed(form, "customer"), "customer");
        var cents = Cents(form, "line_items[0][price_data][unit_amount]");
        Require(cents >= 50, 400, "Amount must convert to at least 50 cents.", "amount_too_small");
        var currency = Needed(form, "line_items[0][price_data][currency]");
        var intent = Make("pi", "payment_intent", new()
        {
            ["amount"] = cents,
            ["amount_received"] = 0L,
            ["currency"] = currency,
            ["status"] = "requires_payment_method",
            ["metadata"] = Metadata(form, "payment_intent_data[metadata]"),
        });
        var session = Make("cs_test", "checkout.session", new()
        {
            ["amount_total"] = cents,
            ["currency"] = currency,
            ["status"] = "open",
            ["payment_status"] = "unpaid",
            ["payment_intent"] = (string)intent["id"]!,
            ["client_reference_id"] = form.GetValueOrDefault("client_reference_id"),
            ["metadata"] = Metadata(form, "metadata"),
        });
        session["url"] = $"https://checkout.stripe.com/c/pay/{session["id"]}";
        return session.DeepClone().AsObject();
    }

    private JsonObject Refund(string intent, long cents, JsonObject metadata, bool isPending)
    {
        var paid = (long)Find(intent, "payment_intent")["amount_received"]!;
        Require(SumOf("dispute", intent, "won") == 0, 400, "This charge has been charged back and cannot be refunded.", "charge_disputed");
        Require(cents <= paid - SumOf("refund", intent, "failed"), 400, "Refund amount is greater than unrefunded amount on charge.", "charge_already_refunded");
        Balance -= cents;
        var refund = Make("re", "refund", new()
        {
            ["amount"] = cents,
            ["currency"] = "usd",
            ["payment_intent"] = intent,
            ["status"] = isPending ? "pending" : "succeeded",
            ["metadata"] = metadata,
        });
        Tell("refund.created", refund);
        return refund.DeepClone().AsObject();
    }

    private long SumOf(string kind, string intent, string but) => _things.Values
        .Where(thing => (string)thing["object"]! == kind && (string?)thing["payment_intent"] == intent && (string)thing["status"]! != but)
        .Sum(thing => (long)thing["amount"]!);

    private JsonObject Transfer(Dictionary<string, string> form)
    {
        Allow(form, "amount", "currency", "destination", "transfer_group", "metadata[stoa]");
        var (cents, account) = (Cents(form, "amount"), Find(Needed(form, "destination"), "account"));
        Require((string)account["capabilities"]!["transfers"]! == "active", 400, "Your destination account needs to have at least one of the following capabilities enabled: transfers.", "insufficient_capabilities_for_transfer");
        Require(Balance >= cents, 400, "You have insufficient available funds in your Stripe account.", "balance_insufficient");
        Balance -= cents;
        return Make("tr", "transfer", new()
        {
            ["amount"] = cents,
            ["amount_reversed"] = 0L,
            ["currency"] = Needed(form, "currency"),
            ["destination"] = (string)account["id"]!,
            ["transfer_group"] = form.GetValueOrDefault("transfer_group"),
            ["metadata"] = Metadata(form, "metadata"),
        }).DeepClone().AsObject();
    }

    private JsonObject List(Dictionary<string, string> query, string kind, string filter)
    {
        Allow(query, filter, "limit", "starting_after");
        var limit = int.Parse(query.GetValueOrDefault("limit", "10"), CultureInfo.InvariantCulture);
        Require(limit is >= 1 and <= 100, 400, "This value must be less than or equal to 100.", "parameter_invalid_integer");
        // Newest first, as Stripe lists.
        var found = _things.Values.Where(thing => (string)thing["object"]! == kind && (string?)thing[filter] == Needed(query, filter)).Reverse().ToList();
        if (query.TryGetValue("starting_after", out var after))
            found = [.. found.SkipWhile(thing => (string)thing["id"]! != after).Skip(1)];
        return new JsonObject
        {
            ["object"] = "list",
            ["has_more"] = found.Count > limit,
            ["data"] = new JsonArray([.. found.Take(limit).Select(thing => thing.DeepClone())]),
        };
    }

    private JsonObject Make(string prefix, string kind, JsonObject thing)
    {
        var id = $"{prefix}_{++_made:D6}";
        (thing["id"], thing["object"]) = (id, kind);
        return _things[id] = thing;
    }

    private JsonObject Find(string id, string kind) => _things.TryGetValue(id, out var found) && (string)found["object"]! == kind
        ? found
        : throw new Refused(404, $"No such {kind}: '{id}'", "resource_missing");

    private void Change(string id, Action<JsonObject> change)
    {
        lock (_gate)
            change(_things[id]);
    }

    private void Tell(string type, JsonObject about, string? account = null)
    {
        var told = new JsonObject
        {
            ["id"] = $"evt_{++_made:D6}",
            ["object"] = "event",
            ["type"] = type,
            ["api_version"] = "2020-08-27",
            ["livemode"] = false,
            ["data"] = new JsonObject { ["object"] = about.DeepClone() },
        };
        if (account is not null)
            told["account"] = account;
        _events.Add(told);
    }

    private static (int Status, string Body) Try(Func<string> act)
    {
        try
        {
            return (200, act());
        }
        catch (Refused refused)
        {
            return (refused.Status, refused.Body);
        }
    }

    private static Dictionary<string, string> Parse(string form) =>
        QueryHelpers.ParseQuery(form).ToDictionary(pair => pair.Key, pair => pair.Value.Count == 1 ? pair.Value[0]! : throw new Refused(400, "Given twice: " + pair.Key, null), StringComparer.Ordinal);

    private static void Allow(Dictionary<string, string> given, params string[] known)
    {
        var unknown = given.Keys.Except(known).FirstOrDefault();
        Require(unknown is null, 400, $"Received unknown parameter: {unknown}", "parameter_unknown");
    }

    private static string Needed(Dictionary<string, string> given, string name) =>
        given.TryGetValue(name, out var value) && value.Length > 0 ? value : throw new Refused(400, $"Missing required param: {name}.", "parameter_missing");

    private static long Cents(Dictionary<string, string> given, string name) =>
        long.TryParse(Needed(given, name), NumberStyles.None, CultureInfo.InvariantCulture, out var cents) && cents > 0
            ? cents
            : throw new Refused(400, $"Invalid integer: {given[name]}", "parameter_invalid_integer");

    private static JsonObject Metadata(Dictionary<string, string> given, string name) =>
        given.TryGetValue($"{name}[stoa]", out var value) ? new JsonObject { ["stoa"] = value } : [];

    private static void Require(bool holds, int status, string message, string? code, string type = "invalid_request_error")
    {
        if (!holds)
            throw new Refused(status, message, code, type);
    }

    private sealed class Refused(int status, string message, string? code, string type = "invalid_request_error") : Exception(message)
    {
        public int Status => status;

        public string Body => new JsonObject { ["error"] = new JsonObject { ["type"] = type, ["code"] = code, ["message"] = Message } }.ToJsonString();
    }
}

/// <summary>The way to it without a network; what a test says is done before a request or after it.</summary>
public sealed class FakeStripeHandler(FakeStripe stripe) : HttpMessageHandler
{
    /// <summary>Called before the request is looked at: may throw, as a network that is broken.</summary>
    public Func<string, Task>? Before { get; set; }

    /// <summary>Called when it was done and not yet answered: may throw, as a network that breaks then.</summary>
    public Func<string, Task>? After { get; set; }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var step = $"{request.Method} {request.RequestUri!.AbsolutePath}";
        if (Before is not null)
            await Before(step);
        var body = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
        var (status, answer) = stripe.Answer(
            request.Method.Method,
            request.RequestUri.AbsolutePath,
            request.RequestUri.Query,
            name => request.Headers.TryGetValues(name, out var values) ? string.Join(',', values) : null,
            request.Content?.Headers.ContentType?.MediaType,
            body);
        if (After is not null)
            await After(step);
        return new HttpResponseMessage((HttpStatusCode)status) { Content = new StringContent(answer, Encoding.UTF8, "application/json") };
    }
}
