using System.Net;
using Stoa.Market.Payments;
using Stoa.Primitives;

namespace Stoa.Node.Payments;

/// <summary>How money comes in and goes out by Stripe. Without a key none does, and every endpoint of payments says so.</summary>
public sealed record PaymentsOptions
{
    /// <summary>The secret key of the account at Stripe, <c>sk_…</c> or a restricted one, <c>rk_…</c>. A secret: give it in the environment. Default empty: payments are off.</summary>
    public string StripeKey { get; init; } = "";

    /// <summary>The secrets of the webhook endpoints at Stripe, <c>whsec_…</c>. A secret that is being rolled stays in the list until Stripe has dropped it. Needed where there is a key.</summary>
    public IReadOnlyList<string> WebhookSecrets { get; init; } = [];

    /// <summary>Address of Stripe's API. Default <c>https://api.stripe.com</c>.</summary>
    public string StripeUrl { get; init; } = "https://api.stripe.com";

    /// <summary>Whether the address of the API may be a plain one on this machine, for tests against a server that plays Stripe. Default false.</summary>
    public bool AllowLoopback { get; init; }

    /// <summary>Where Stripe sends people back to when they have done what they were sent for. Default empty: the node's own address.</summary>
    public string ReturnUrl { get; init; } = "";

    /// <summary>Least that is paid in at once, in US dollars. Default 5; Stripe itself takes nothing below 0.50.</summary>
    public string MinCredit { get; init; } = "5";

    /// <summary>Most that is paid in at once, in US dollars. Default 10,000.</summary>
    public string MaxCredit { get; init; } = "10000";

    /// <summary>Least that is paid out at once, in US dollars. Default 10.</summary>
    public string MinPayout { get; init; } = "10";

    /// <summary>How many payments one user may have begun and not paid. Default 10.</summary>
    public int MaxOpenPerUser { get; init; } = 10;

    /// <summary>How long Stripe may take to answer a request, in milliseconds. Default 20,000.</summary>
    public int TimeoutMs { get; init; } = 20_000;

    /// <summary>How often a request to Stripe is tried in all, where Stripe says that trying again helps. Default 3.</summary>
    public int MaxAttempts { get; init; } = 3;

    /// <summary>How often the node looks for payments that Stripe is to be asked about, in milliseconds. Webhooks wake it at once. Default 5,000.</summary>
    public int PollMs { get; init; } = 5_000;

    /// <summary>Whether there is a key.</summary>
    public bool IsOn => StripeKey.Length > 0;

    /// <summary><c>off</c>, <c>test</c> or <c>live</c>.</summary>
    public string Mode => !IsOn ? "off" : StripeKey.Contains("_test_", StringComparison.Ordinal) ? "test" : "live";

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (!IsOn && WebhookSecrets.Count > 0)
            yield return "Payments:WebhookSecrets are of no use without Payments:StripeKey.";
        if (IsOn && !(StripeKey.StartsWith("sk_", StringComparison.Ordinal) || StripeKey.StartsWith("rk_", StringComparison.Ordinal)))
            yield return "Payments:StripeKey is a secret key of Stripe: it begins with sk_ or rk_.";
        if (StripeKey.AsSpan().ContainsAnyExceptInRange('!', '~'))
            yield return "Payments:StripeKey has only visible ASCII characters.";
        if (IsOn && WebhookSecrets.Count == 0)
            yield return "Payments:WebhookSecrets has the secret of the webhook endpoint at Stripe: without it nobody can tell who sends an event.";
        if (WebhookSecrets.Any(secret => secret.Length < 16 || !secret.StartsWith("whsec_", StringComparison.Ordinal)))
            yield return "Payments:WebhookSecrets are secrets of webhook endpoints at Stripe: each begins with whsec_.";
        if (WebhookSecrets.Count > 8)
            yield return "Payments:WebhookSecrets are at most 8.";
        if (!Uri.TryCreate(StripeUrl, UriKind.Absolute, out var url) || url.PathAndQuery != "/" || !(url.Scheme == Uri.UriSchemeHttps || (AllowLoopback && url.Scheme == Uri.UriSchemeHttp && IsLoopback(url))))
            yield return "Payments:StripeUrl is an https:// address without a path; with Payments:AllowLoopback it may be an http:// address on this machine.";
        if (ReturnUrl.Length > 0 && !(Uri.TryCreate(ReturnUrl, UriKind.Absolute, out var back) && back.Scheme is "http" or "https"))
            yield return "Payments:ReturnUrl is an address that begins with https:// or http://.";
        if (!TryCents(MinCredit, out var min) || min < 50)
            yield return "Payments:MinCredit is an amount in US dollars in whole cents, at least 0.50.";
        if (!TryCents(MaxCredit, out var max) || max < min || max > 99_999_999)
            yield return "Payments:MaxCredit is an amount in US dollars in whole cents, from MinCredit to 999999.99.";
        if (!TryCents(MinPayout, out var least) || least < 1)
            yield return "Payments:MinPayout is an amount in US dollars in whole cents, at least 0.01.";
        if (MaxOpenPerUser is < 1 or > 1_000)
            yield return "Payments:MaxOpenPerUser is from 1 to 1000.";
        if (TimeoutMs is < 100 or > 80_000)
            yield return "Payments:TimeoutMs is from 100 to 80000.";
        if (MaxAttempts is < 1 or > 10)
            yield return "Payments:MaxAttempts is from 1 to 10.";
        if (PollMs is < 10 or > 600_000)
            yield return "Payments:PollMs is from 10 to 600000.";
    }

    /// <summary>Without the secrets: what is printed ends up in logs.</summary>
    public override string ToString() => $"PaymentsOptions {{ Mode = {Mode} }}";

    private static bool IsLoopback(Uri url) => url.Host == "localhost" || (IPAddress.TryParse(url.Host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    private static bool TryCents(string text, out long cents)
    {
        cents = 0;
        return Money.TryParse(text, out var amount) && Cents.TryOf(amount, out cents);
    }
}
