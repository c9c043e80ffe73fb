using System.Text.Json;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Market.Inference.Routing;

/// <summary>A server that has a model, as its operator has registered it.</summary>
/// <param name="Id">Never used before.</param>
/// <param name="Model">Which version it serves.</param>
/// <param name="Address">Of its API as OpenAI's, with its version, such as <c>http://127.0.0.1:8080/v1</c>.</param>
/// <param name="UpstreamModel">What the model is called there.</param>
/// <param name="Region">Where it is, such as <c>eu-west</c>; null when it is not said.</param>
/// <param name="Weight">Its part of the requests beside others, 1 to 1,000; twice as much is as if it were there twice.</param>
/// <param name="MaxRequests">So many at once are sent there at most.</param>
/// <param name="ServingPrice">What the operator takes besides the price of the listing; null for nothing.</param>
/// <param name="IsDraining">It gets no more requests; those that are under way end.</param>
/// <param name="AddedAt">UTC.</param>
public sealed record Replica(
    Id<Replica> Id,
    ReplicaModel Model,
    Uri Address,
    string UpstreamModel,
    string? Region,
    int Weight,
    int MaxRequests,
    ModelPrice? ServingPrice,
    bool IsDraining,
    DateTimeOffset AddedAt) : IIdentified
{
    /// <summary>The most that <see cref="MaxRequests"/> may be.</summary>
    public const int MostRequests = 10_000;

    /// <summary>The most that <see cref="Weight"/> may be.</summary>
    public const int MostWeight = 1_000;

    public static string IdPrefix => "repl";

    /// <summary>That it is asked with; null when it wants none.</summary>
    public ReplicaKey? Key { get; init; }

    /// <summary>Where it lists its models.</summary>
    public Uri ModelsAddress { get; } = Below(Address, "models");

    private Uri ChatAddress { get; } = Below(Address, "chat/completions");

    private Uri CompletionsAddress { get; } = Below(Address, "completions");

    private Uri EmbeddingsAddress { get; } = Below(Address, "embeddings");

    /// <summary>Whether it is told, in a word that nobody else understands, whose a request is, so that it keeps apart what accounts have asked.</summary>
    public bool IsToldWhose { get; init; }

    /// <summary>Of one at another operator's node, which is asked and paid as a stranger: what it asks. Null for a server of this cell.</summary>
    public SuppliedPrice? Supplied
    {
        get;
        init
        {
            field = value;
            Priced = Priced with { Supplied = value };
        }
    }

    /// <summary>Its id as it is written.</summary>
    public string Name { get; } = Id.ToString();

    /// <summary>How it is paid for.</summary>
    public PricedModel Priced { get; private init; } = new(Model.Listing, Model.Publisher, Model.Price, ServingPrice);

    /// <summary>What a million tokens read and a quarter of a million written cost there, to compare prices: as a page that is summed up on a quarter of one.</summary>
    public Money TypicalPrice => Priced.TryPriceOf(new TokenUsage(1_000_000, 250_000))?.Total ?? new Money(long.MaxValue);

    /// <summary>Where it is asked.</summary>
    public Uri AddressOf(InferenceKind kind) => kind switch
    {
        InferenceKind.Chat => ChatAddress,
        InferenceKind.Completion => CompletionsAddress,
        InferenceKind.Embedding => EmbeddingsAddress,
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static Uri Below(Uri address, string path) => new(address.AbsoluteUri.TrimEnd('/') + "/" + path);
}

/// <summary>The key that a server is asked with. It is shown to nobody, in no log either.</summary>
/// <param name="key">As the operator has given it.</param>
public sealed class ReplicaKey(string key)
{
    /// <summary>The value of the header <c>Authorization</c>.</summary>
    public string Authorization { get; } = $"Bearer {key}";

    /// <inheritdoc/>
    public override string ToString() => "(a key)";
}

/// <summary>What is known of a version of a model from its listing, which never changes.</summary>
/// <param name="Listing"><c>publisher/name@version</c>.</param>
/// <param name="Publisher">Who is paid for it: a user of this cell; null for one of another, whose model is free of charge.</param>
/// <param name="Capabilities">Such as <c>chat</c> or <c>embeddings</c>.</param>
/// <param name="ContextLength">The most tokens that it sees at once; null when it is not said.</param>
/// <param name="Price">What its publisher takes; null for nothing.</param>
public sealed record ReplicaModel(
    ListingName Listing, Id<Identity.User>? Publisher, IReadOnlyList<string> Capabilities, long? ContextLength, ModelPrice? Price)
{
    /// <summary>Its listing as it is written.</summary>
    public string Name { get; } = Listing.ToString();

    /// <summary>The same as a JSON string, without the quotes.</summary>
    public JsonEncodedText NameInJson { get; } = JsonEncodedText.Encode(Listing.ToString());
}
