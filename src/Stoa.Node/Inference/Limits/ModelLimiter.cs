using System.Globalization;
using Stoa.Market.Identity;
using Stoa.Market.Inference.Limits;
using Stoa.Market.Inference.OpenAi;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Inference.Gateway;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Limits;

/// <summary>Holds requests to models to what API keys and organisations may ask in a minute.</summary>
/// <remarks>
/// A request counts with the tokens of its prompt, as they are counted here, and all that its answer may have; what it has not used is given back when it ends. It is told how it stands in the header fields that OpenAI's clients know
/// (<see href="https://platform.openai.com/docs/guides/rate-limits"/>). Each node counts for itself.
/// </remarks>
/// <param name="options">Limits.</param>
/// <param name="time">For how long ago something was.</param>
public sealed class ModelLimiter(InferenceOptions options, TimeProvider time)
{
    private readonly MinuteQuotas<Id<ApiKey>> _tokensOfKeys = new(time);
    private readonly MinuteQuotas<Id<User>> _tokensOfAccounts = new(time);
    private readonly MinuteQuotas<Id<User>> _callsOfAccounts = new(time);

    /// <summary>Counts a request.</summary>
    /// <param name="context">Gets the header fields.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="taken">What was taken for it, until it ends; null where there is no limit of tokens, and when it is refused.</param>
    /// <returns>Why it is refused; null when it is not.</returns>
    internal OpenAiError? Refuse(HttpContext context, Caller caller, InferenceRequest request, out TakenTokens? taken)
    {
        taken = null;
        var (calls, ofAccount) = caller.ModelLimits;
        var ofKey = caller.Key?.TokensPerMinute;
        if ((calls ?? ofAccount ?? ofKey) is null)
            return null;
        if (calls is { } most)
        {
            var isIn = _callsOfAccounts.TryUse(caller.UserId, most, 1, out var standing);
            Tell(context, "requests", standing);
            if (!isIn)
                return Refusal("requests_exceeded", $"{caller.Handle} makes at most {most:N0} requests to models in a minute", standing);
        }

        var tokens = request.InputTokens + RequestEstimates.MostOutputOf(request, options);
        QuotaStanding? told = null;
        if (ofKey is { } keyLimit)
        {
            var key = caller.Key!.Id;
            if (!_tokensOfKeys.TryTake(key, keyLimit, tokens, out var part, out var standing))
                return RefuseTokens(context, $"with the API key {caller.Key.Prefix}", tokens, standing);
            told = standing;
            taken = new TakenTokens(used => _tokensOfKeys.End(key, part, used), null);
        }

        if (ofAccount is { } accountLimit)
        {
            var account = caller.UserId;
            if (!_tokensOfAccounts.TryTake(account, accountLimit, tokens, out var part, out var standing))
            {
                taken?.Dispose();
                taken = null;
                return RefuseTokens(context, $"in the name of {caller.Handle}", tokens, standing);
            }

            // The one that is used up first is the one to know.
            if (told is not { } other || standing.Remaining < other.Remaining)
                told = standing;
            taken = new TakenTokens(used => _tokensOfAccounts.End(account, part, used), taken);
        }

        if (told is { } last)
            Tell(context, "tokens", last);
        return null;
    }

    private static OpenAiError RefuseTokens(HttpContext context, string forWhom, long tokens, QuotaStanding standing)
    {
        Tell(context, "tokens", standing);
        return Refusal(
            "tokens_exceeded",
            string.Create(CultureInfo.InvariantCulture, $"At most {standing.Limit:N0} tokens a minute are asked of models {forWhom}, of which {standing.Remaining:N0} are left; this request may come to {tokens:N0}, its prompt and max_tokens for each choice"),
            standing);
    }

    private static OpenAiError Refusal(string code, string what, QuotaStanding standing)
    {
        if (standing.Wait is not { } wait)
            return new OpenAiError(429, "rate_limit_error", code, $"{what}. Waiting does not help: ask for less, by max_tokens or a shorter prompt.") { Parameter = "max_tokens" };
        var seconds = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds));
        return new OpenAiError(429, "rate_limit_error", code, string.Create(CultureInfo.InvariantCulture, $"{what}. Wait {seconds} seconds, then go on more slowly.")) { RetryAfterSeconds = seconds };
    }

    private static void Tell(HttpContext context, string what, QuotaStanding standing)
    {
        var headers = context.Response.Headers;
        headers[$"x-ratelimit-limit-{what}"] = standing.Limit.ToString(CultureInfo.InvariantCulture);
        headers[$"x-ratelimit-remaining-{what}"] = standing.Remaining.ToString(CultureInfo.InvariantCulture);
        headers[$"x-ratelimit-reset-{what}"] = Format(standing.Reset);
        // The clients try a refused request again by themselves, unless they are told not to.
        if (standing.Wait is null)
            headers["x-should-retry"] = "false";
    }

    /// <summary>A duration as OpenAI's API writes it, such as <c>1m30s</c>, <c>8.64s</c> or <c>120ms</c>; up to a millisecond too long.</summary>
    internal static string Format(TimeSpan duration)
    {
        var milliseconds = (duration.Ticks + TimeSpan.TicksPerMillisecond - 1) / TimeSpan.TicksPerMillisecond;
        var (minutes, rest) = Math.DivRem(milliseconds, 60_000);
        return milliseconds < 1_000
            ? string.Create(CultureInfo.InvariantCulture, $"{milliseconds}ms")
            : string.Create(CultureInfo.InvariantCulture, $"{(minutes > 0 ? $"{minutes}m" : "")}{rest / 1_000m:0.###}s");
    }
}
