using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Auctions;
using Stoa.Primitives;

namespace Stoa.Node.Auctions;

/// <summary>Between the bidding policies of the market and those of the wire.</summary>
internal static class BiddingContracts
{
    private const int DefaultFullLoad = 8;

    private static readonly string[] s_kinds = ["posted", "fixed", "loadAware", "wasm", "external", "none"];

    /// <summary>What a body asks for; null with at least one error.</summary>
    public static BiddingPolicy? Read(this BiddingPolicyBody body, List<FieldError> errors)
    {
        var policy = body.Policy switch
        {
            "posted" => new BiddingPolicy.Posted(),
            "fixed" => ReadFixed(body, errors),
            "loadAware" => ReadLoadAware(body, errors),
            "wasm" => ContentHash.TryParse(body.Program, null, out var program)
                ? new BiddingPolicy.Wasm(program)
                : Refuse(errors, "/program", "The digest of an uploaded program is expected: \"sha256:\" and 64 lower-case hex digits."),
            "external" => ReadExternal(body, errors),
            "none" => new BiddingPolicy.None(),
            _ => Refuse(errors, "/policy", $"One of {string.Join(", ", s_kinds)} is expected."),
        };
        (string Name, object? Value, string[] Of)[] members =
        [
            ("factor", body.Factor, ["fixed"]), ("price", body.Price, ["fixed"]), ("idleFactor", body.IdleFactor, ["loadAware"]),
            ("busyFactor", body.BusyFactor, ["loadAware"]), ("fullLoad", body.FullLoad, ["loadAware"]), ("program", body.Program, ["wasm"]),
            ("key", body.Key, ["external"]),
        ];
        foreach (var (name, _, of) in members.Where(member => member.Value is not null && !member.Of.Contains(body.Policy)))
            errors.Add(new FieldError($"/{name}", $"It goes with the policy {of[0]}."));
        return errors.Count == 0 ? policy : null;
    }

    public static BiddingPolicyBody ToContract(this BiddingPolicy policy) => policy switch
    {
        BiddingPolicy.Posted => new BiddingPolicyBody("posted"),
        BiddingPolicy.Fixed { Ask: Ask.Price price } => new BiddingPolicyBody("fixed", Price: price.ToString()),
        BiddingPolicy.Fixed @fixed => new BiddingPolicyBody("fixed", Factor: @fixed.Ask.ToString()),
        BiddingPolicy.LoadAware loadAware => new BiddingPolicyBody(
            "loadAware",
            IdleFactor: new Ask.Factor(loadAware.IdleMillionths).ToString(),
            BusyFactor: new Ask.Factor(loadAware.BusyMillionths).ToString(),
            FullLoad: loadAware.FullLoad),
        BiddingPolicy.Wasm wasm => new BiddingPolicyBody("wasm", Program: wasm.Program.ToString()),
        BiddingPolicy.External external => new BiddingPolicyBody("external", Key: Convert.ToBase64String(external.Key)),
        BiddingPolicy.None => new BiddingPolicyBody("none"),
        _ => throw new InvalidOperationException($"Unknown bidding policy {policy}."),
    };

    private static BiddingPolicy.Fixed? ReadFixed(BiddingPolicyBody body, List<FieldError> errors)
    {
        if (!Bid.ReadAsk(body.Factor, body.Price).TryGet(out var ask, out var refusal))
        {
            errors.Add(new FieldError(body.Factor is null ? "/price" : "/factor", refusal.Detail));
            return null;
        }

        if (ask is null)
            errors.Add(new FieldError("/factor", "Either factor or price is expected."));
        return ask switch
        {
            Ask.Factor factor => new BiddingPolicy.Fixed(factor.Millionths, null),
            Ask.Price price => new BiddingPolicy.Fixed(null, price.Amount),
            _ => null,
        };
    }

    private static BiddingPolicy.LoadAware? ReadLoadAware(BiddingPolicyBody body, List<FieldError> errors)
    {
        var idle = ReadFactor(body.IdleFactor, "/idleFactor", errors);
        var busy = body.BusyFactor is null ? Ask.Factor.One : ReadFactor(body.BusyFactor, "/busyFactor", errors);
        if (busy < idle)
            errors.Add(new FieldError("/busyFactor", "It is not less than idleFactor: a bid rises with the load."));
        if (body.FullLoad is < 1 or > BiddingPolicy.LoadAware.MaxFullLoad)
            errors.Add(new FieldError("/fullLoad", $"1 to {BiddingPolicy.LoadAware.MaxFullLoad} tasks are expected."));
        return errors.Count == 0 ? new BiddingPolicy.LoadAware(idle!.Value, busy!.Value, body.FullLoad ?? DefaultFullLoad) : null;
    }

    private static long? ReadFactor(string? text, string pointer, List<FieldError> errors)
    {
        if (text is not null && Ask.Factor.TryParse(text, out var factor))
            return factor.Millionths;
        errors.Add(new FieldError(pointer, "A factor from \"0\" to \"1\" is expected, as a decimal string with at most six decimals."));
        return null;
    }

    private static BiddingPolicy? ReadExternal(BiddingPolicyBody body, List<FieldError> errors)
    {
        var bytes = new byte[PublicKey.SpkiLength + 3];
        if (body.Key is null || !Convert.TryFromBase64String(body.Key, bytes, out var length))
            return Refuse(errors, "/key", "A P-256 public key is expected: the base64 of its SubjectPublicKeyInfo.");
        try
        {
            return new BiddingPolicy.External(PublicKey.FromSpki(bytes.AsSpan(0, length)).ToSpki());
        }
        catch (FormatException refusal)
        {
            return Refuse(errors, "/key", refusal.Message);
        }
    }

    private static BiddingPolicy? Refuse(List<FieldError> errors, string pointer, string reason)
    {
        errors.Add(new FieldError(pointer, reason));
        return null;
    }
}
