using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry.Replication;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Gateway;

/// <summary>Says of a request what decides its replica, and what it may come to.</summary>
/// <param name="options">Limits.</param>
internal sealed class RequestEstimates(InferenceOptions options)
{
    private const long MostLoadTokens = 1 << 18;

    // Of this process: hashes are compared with nobody else's.
    private readonly SipKey _key = SipKey.FromBytes(RandomNumberGenerator.GetBytes(SipKey.Size));

    /// <summary>A word for an account that says nothing of it, and is another one after each start.</summary>
    public string ScopeOf(Id<User> account) => PromptPrefixes.HashSession(Encoding.UTF8.GetBytes(account.ToString()), 0, _key).ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>The most tokens that an answer may have, of whichever model.</summary>
    public static long MostOutputOf(InferenceRequest request, InferenceOptions options) => MostOfChoice(request, options) * request.Choices;

    /// <summary>The most tokens that a request to one model may come to.</summary>
    public static TokenUsage MostOf(InferenceRequest request, ModelFleet model, InferenceOptions options) =>
        new(TokenCount.MostOf(request.InputTokens), MostOfChoice(request, model, options) * request.Choices);

    /// <summary>Says it of a request to one model.</summary>
    public InferenceEstimate Estimate(InferenceCall call, InferenceRequest request, ModelFleet model)
    {
        var most = MostOfChoice(request, model, options);
        var key = (ulong)(uint)model.Model.Listing.GetHashCode();
        // Where one replica has the model there is nothing to choose.
        var isAlone = model.Replicas.Count == 1;
        return new InferenceEstimate(
            new RoutedRequest(
                // More than that nobody is kept from a replica by what one request says that it may come to.
                Math.Min(request.InputTokens + (most * request.Choices), MostLoadTokens),
                isAlone ? default : PromptPrefixes.Hash(request.Prompt.Span, key, _key),
                isAlone || call.Session is null ? 0 : PromptPrefixes.HashSession(Encoding.UTF8.GetBytes($"{call.Account}:{call.Session}"), key, _key),
                call.Region)
            {
                StaysHere = call.StaysHere,
            },
            MostOf(request, model, options),
            most);
    }

    private static long MostOfChoice(InferenceRequest request, ModelFleet model, InferenceOptions options) =>
        Math.Min(MostOfChoice(request, options), model.Model.ContextLength ?? long.MaxValue);

    private static long MostOfChoice(InferenceRequest request, InferenceOptions options) => request.Kind is InferenceKind.Embedding ? 0 : request.MaxTokens ?? options.DefaultMaxTokens;
}

/// <summary>What is known of a request to one model before it is asked.</summary>
/// <param name="Request">What decides its replica.</param>
/// <param name="Most">The most that it may come to.</param>
/// <param name="MaxTokens">The most tokens of a choice.</param>
internal sealed record InferenceEstimate(RoutedRequest Request, TokenUsage Most, long MaxTokens);
