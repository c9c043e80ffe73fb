using System.Buffers.Text;
using System.Security.Cryptography;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Market.Supply;
using Stoa.Market.Tasks.Models;
using Stoa.Node.PayPerCall;
using Stoa.Primitives;
using Stoa.Primitives.HttpSignatures;

namespace Stoa.Node.Supply.Models;

/// <summary>What is ordered of a supplier: the body of a request to a model, what it costs at most, and of an agent's request its right. Nothing of it tells whose it is.</summary>
internal sealed class SupplierOrder
{
    private const int NonceBytes = 18;

    private readonly SupplierTab _tab;
    private readonly Replica _replica;
    private readonly InferenceRequest _request;
    private readonly byte[] _body;
    private readonly ContentHash _digest;
    private readonly string? _ask;
    private readonly ContentHash? _askDigest;

    /// <param name="tab">Pays.</param>
    /// <param name="replica">Where it goes.</param>
    /// <param name="most">The most that it costs by the agreed prices.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="maxTokens">The most tokens of a choice, where the client has left it open.</param>
    /// <param name="ask">What an agent may ask there; null where it is none that asks.</param>
    public SupplierOrder(SupplierTab tab, Replica replica, Money most, InferenceRequest request, long maxTokens, DsseEnvelope? ask)
    {
        (_tab, _replica, _request, Most) = (tab, replica, request, most);
        _body = request.Rewrite(replica.UpstreamModel, maxTokens, isNameless: true);
        _digest = ContentHash.Of(_body);
        if (ask is not null)
            (_ask, _askDigest) = (Convert.ToBase64String(ask.ToJson()), ContentHash.Of(ask.Payload));
    }

    /// <summary>The most that it costs.</summary>
    public Money Most { get; }

    /// <summary>Where it goes.</summary>
    public Replica Replica => _replica;

    /// <summary>Whether a stream of events is asked for.</summary>
    public bool IsStream => _request.IsStream;

    /// <summary>What the receipt of its answer has to say.</summary>
    public OrderedAnswer Expected => new(_tab.Supplier.Node, _tab.Supplier.Channel, ListingName.Parse(_replica.UpstreamModel), _digest, _askDigest, _replica.Priced, Most);

    /// <summary>The right of an agent's attempt, made out to a supplier: for one model alone, and for what one request costs.</summary>
    /// <param name="capability">The attempt's.</param>
    /// <param name="supplier">To whom.</param>
    /// <param name="replica">Which model.</param>
    /// <param name="most">What the request costs at most.</param>
    /// <param name="node">Signs.</param>
    public static DsseEnvelope Allow(ModelCapability capability, Supplier supplier, Replica replica, Money most, PrivateKey node) => ModelAsk.Sign(
        new ModelAskContent(
            node.PublicKey, supplier.Node, supplier.Channel, capability.Agent, capability.Task, capability.Attempt, [ListingName.Parse(replica.UpstreamModel)], most, capability.ExpiresAt),
        node);

    /// <summary>Of the request that was signed last; null before the first.</summary>
    public string? Nonce { get; private set; }

    /// <summary>Signs it, with all that is promised to the supplier by now. Each time that it is sent it is signed anew.</summary>
    public HttpRequestMessage Sign(DateTimeOffset now)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, _replica.AddressOf(_request.Kind)) { Content = new ByteArrayContent(_body) };
        message.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        if (IsStream)
            message.Headers.TryAddWithoutValidation("Accept", "text/event-stream");
        List<string> components = ["@method", "@path", "@query", ContentDigest.FieldName, "payment-signature", "stoa-max-price"];
        message.Headers.TryAddWithoutValidation(ModelAnswerReceipt.MostHeader, Most.ToString());
        message.Headers.TryAddWithoutValidation(RequestSigner.DigestHeader, ContentDigest.Of(_digest));
        message.Headers.TryAddWithoutValidation(PaymentHeaders.Signature, _tab.PaymentOf());
        if (_ask is not null)
        {
            message.Headers.TryAddWithoutValidation(ModelAsk.Header, _ask);
            components.Add("stoa-ask");
        }

        RequestSigner.Sign(message, components, _tab.Key, _tab.Supplier.Channel.ToString(), now, Nonce = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(NonceBytes)));
        return message;
    }
}
