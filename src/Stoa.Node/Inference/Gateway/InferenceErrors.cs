using Stoa.Market;
using Stoa.Market.Inference;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Http;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Says why a request to a model was not answered.</summary>
internal static class InferenceErrors
{
    /// <summary>Nobody serves such a model here; where nobody serves any, how there comes to be one.</summary>
    public static OpenAiError Unserved(ModelFleets fleets, string named) => OpenAiError.ModelUnknown(fleets.All.Count > 0
        ? $"Nobody serves {named} here. GET /v1/models lists what is served."
        : $"Nobody serves {named} here, nor any other model yet. Its operator has one served by stoa up --model PUBLISHER/NAME@VERSION=FILE, a GGUF file or a WebAssembly program that is listed, or by stoa replica add, a server such as llama.cpp, Ollama or vLLM; or stoa supplier add buys answers elsewhere.");

    /// <summary>No replica took it.</summary>
    public static OpenAiError Of(Refusal<RoutingRefusal> refusal) => refusal.Code switch
    {
        RoutingRefusal.NoReplica => OpenAiError.Unavailable("no_replica", refusal.Detail, 5),
        RoutingRefusal.TooManyWaiting => new OpenAiError(429, "rate_limit_error", "too_many_waiting", refusal.Detail) { RetryAfterSeconds = 2 },
        RoutingRefusal.WaitedTooLong => OpenAiError.Unavailable("waited_too_long", refusal.Detail, 10),
        _ => throw new InvalidOperationException($"{refusal.Code} has no words."),
    };

    /// <summary>It could not be paid for.</summary>
    public static OpenAiError Of(Refusal<AllowanceRefusal> refusal) => refusal.Code switch
    {
        AllowanceRefusal.InsufficientFunds => new OpenAiError(402, "insufficient_quota", "insufficient_funds", refusal.Detail),
        AllowanceRefusal.BudgetExhausted => new OpenAiError(402, "insufficient_quota", "budget_exhausted", refusal.Detail),
        AllowanceRefusal.SpendingLimitReached => new OpenAiError(402, "insufficient_quota", "spending_limit_reached", refusal.Detail),
        AllowanceRefusal.SpendingForbidden => new OpenAiError(403, "permission_error", "spending_forbidden", refusal.Detail),
        AllowanceRefusal.PriceTooHigh => new OpenAiError(400, "invalid_request_error", "price_too_high", refusal.Detail) { Parameter = "max_tokens" },
        AllowanceRefusal.PriceAboveMost => new OpenAiError(402, "invalid_request_error", "price_above_most", refusal.Detail) { Parameter = InferenceEndpoints.MostPriceHeader },
        AllowanceRefusal.AllowancesTooMany => OpenAiError.Unavailable("allowances_too_many", refusal.Detail, 5),
        AllowanceRefusal.CreditUsedUp => new OpenAiError(402, "insufficient_quota", "credit_used_up", refusal.Detail),
        _ => throw new InvalidOperationException($"{refusal.Code} has no words."),
    };

    /// <summary>All that were asked failed.</summary>
    /// <param name="last">How the last one did.</param>
    /// <param name="attempts">How many were asked.</param>
    public static OpenAiError Of(UpstreamException last, int attempts) => new(
        502, "server_error", "replicas_failed",
        $"{(attempts == 1 ? "The replica that was asked did not answer" : $"{attempts} replicas were asked, and none answered")}. The last one: {last.Message} Nothing was charged. Try again in a few seconds, or name another model.")
    {
        RetryAfterSeconds = 2,
    };
}
