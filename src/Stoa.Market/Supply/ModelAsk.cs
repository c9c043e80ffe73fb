using Stoa.Market.Channels;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;
using static Stoa.Market.SignedJson;

namespace Stoa.Market.Supply;

/// <summary>What a running agent of one node may ask of models at another: the right of its attempt, made out to that node by the node that runs it.</summary>
/// <param name="NodeKey">Of the node that runs the agent; signs.</param>
/// <param name="To">The node that is asked.</param>
/// <param name="Channel">Out of which it is paid.</param>
/// <param name="Agent">The version that asks, as the node that runs it names it.</param>
/// <param name="Task">For which.</param>
/// <param name="Attempt">Fencing token of the lease under which it runs; not negative.</param>
/// <param name="Models">What it may ask, 1 to <see cref="ModelAsk.MostModels"/> of them, with their versions, as the node that is asked names them.</param>
/// <param name="Most">What the request may cost at most.</param>
/// <param name="Until">When the attempt's time is over, UTC, to the millisecond.</param>
public sealed record ModelAskContent(
    PublicKey NodeKey, PeerId To, Id<Channel> Channel, ListingName Agent, Id<AgentTask> Task, long Attempt, IReadOnlyList<ListingName> Models, Money Most, DateTimeOffset Until)
{
    /// <summary>The node that runs the agent.</summary>
    public PeerId Node => NodeKey.PeerId;
}

/// <summary>Why a request to a model is not one that its agent may make.</summary>
public enum ModelAskFault
{
    /// <summary>It is none, or was not signed by the node that it names.</summary>
    NotSigned,

    /// <summary>It is made out to another node, or for another channel.</summary>
    ForAnother,

    /// <summary>The attempt's time is over.</summary>
    Over,

    /// <summary>The model that is asked is not among those that it names.</summary>
    ModelUndeclared,

    /// <summary>The request may cost more than it allows.</summary>
    TooDear,
}

/// <summary>The signed record of <see cref="ModelAskContent"/>: a DSSE envelope whose payload has one form, as those of channels have.</summary>
/// <remarks>
/// <code>{"node":"Qm…","nodeKey":"base64 of SubjectPublicKeyInfo","to":"Qm…","channel":"chan_…","agent":"publisher/name@version","task":"task_…","attempt":1,"models":["publisher/name@version"],"most":"0.01","until":"2026-01-31T12:00:00.000Z"}</code>
/// It travels in the header <see cref="Header"/>, as base64 of the envelope's JSON.
/// </remarks>
public static class ModelAsk
{
    public const string PayloadType = "application/vnd.stoa.model-ask.v1+json";

    /// <summary>The header of a request that an agent makes.</summary>
    public const string Header = "Stoa-Ask";

    /// <summary>The most characters of that header.</summary>
    public const int MaxLength = 8_192;

    /// <summary>The most models that one names.</summary>
    public const int MostModels = 32;

    /// <summary>Signs one.</summary>
    /// <param name="content">What is allowed.</param>
    /// <param name="node">The private half of <see cref="ModelAskContent.NodeKey"/>.</param>
    /// <exception cref="ArgumentException">It is another node's key.</exception>
    public static DsseEnvelope Sign(ModelAskContent content, PrivateKey node)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(node);
        if (content.NodeKey.PeerId != node.PublicKey.PeerId)
            throw new ArgumentException("A node signs for its own agents.", nameof(node));
        return DsseEnvelope.Sign(PayloadType, Write(content), node);
    }

    /// <summary>Reads one and checks form, key and signature, and that it is made out to a node and a channel and not over.</summary>
    /// <param name="envelope">As it came.</param>
    /// <param name="to">The node that is asked.</param>
    /// <param name="channel">Out of which it is paid.</param>
    /// <param name="now">UTC.</param>
    public static Outcome<ModelAskContent, ModelAskFault> Open(DsseEnvelope envelope, PeerId to, Id<Channel> channel, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(envelope);
        if (!NodeRecord.Open(envelope, PayloadType, "ask", Read, content => content.NodeKey, expectedNode: null).TryGet(out var content, out var fault))
            return Refuse(ModelAskFault.NotSigned, fault.Detail);
        if (content.To != to || content.Channel != channel)
            return Refuse(ModelAskFault.ForAnother, $"The ask is for {content.To} and {content.Channel}, and came to {to} with a payment of {channel}.");
        return now < content.Until ? content : Refuse(ModelAskFault.Over, $"The time of {content.Task} to ask models was over at {Text(content.Until)}.");
    }

    /// <summary>Why an ask does not allow a request; null when it does.</summary>
    /// <param name="content">The ask.</param>
    /// <param name="model">The version that is asked.</param>
    /// <param name="price">The most that the request may cost.</param>
    public static Refusal<ModelAskFault>? FindFault(ModelAskContent content, ListingName model, Money price)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(model);
        if (!content.Models.Contains(model))
            return Refuse(ModelAskFault.ModelUndeclared, $"The ask of {content.Agent} does not name {model}.");
        return price <= content.Most ? null : Refuse(ModelAskFault.TooDear, $"The request may cost {price} USD, and the ask of {content.Agent} allows {content.Most}.");
    }

    private static byte[] Write(ModelAskContent content) => FixedOrderJson.Write(json =>
    {
        json.WriteSigner(content.NodeKey);
        json.WriteString("to", content.To.ToString());
        json.WriteString("channel", content.Channel.ToString());
        json.WriteString("agent", content.Agent.ToString());
        json.WriteString("task", content.Task.ToString());
        json.WriteNumber("attempt", content.Attempt);
        json.WriteStartArray("models");
        foreach (var model in content.Models)
            json.WriteStringValue(model.ToString());
        json.WriteEndArray();
        json.WriteString("most", content.Most.ToString());
        json.WriteString("until", Text(content.Until));
    });

    private static ModelAskContent Read(ReadOnlyMemory<byte> payload, out PeerId node)
    {
        var content = FixedOrderJson.Read(
            payload,
            "an ask",
            root => root.GetProperty("models").GetArrayLength() is >= 1 and <= MostModels
                ? new ModelAskContent(
                    PublicKey.FromSpki(root.GetProperty("nodeKey").GetBytesFromBase64()),
                    PeerId.Parse(Text(root, "to")),
                    Id<Channel>.Parse(Text(root, "channel")),
                    ListingName.Parse(Text(root, "agent")),
                    Id<AgentTask>.Parse(Text(root, "task")),
                    Number(root, "attempt"),
                    [.. root.GetProperty("models").EnumerateArray().Select(model => ListingName.Parse(model.GetString()!))],
                    Amount(root, "most"),
                    Instant(root, "until"))
                : throw new FormatException($"\"models\" has 1 to {MostModels} names."),
            Write);
        node = content.Node;
        return content;
    }

    private static Refusal<ModelAskFault> Refuse(ModelAskFault fault, string detail) => new(fault, detail);
}
