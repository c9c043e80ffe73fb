using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Auctions;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;
using Engine = Stoa.Wasm.Engine;

namespace Stoa.Node.Auctions;

/// <summary>How agents bid, over HTTP: for their publishers.</summary>
public static class BiddingEndpoints
{
    /// <summary>The largest bidding program: 1 MiB.</summary>
    public const long MaxProgramBytes = 1 << 20;

    public static void MapBidding(this IEndpointRouteBuilder api)
    {
        api.MapGet("/agents/{publisher}/{name}/bidding", GetAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("getAgentBidding").WithTags("Auctions").WithSummary("Show how an agent of yours bids")
            .WithDescription("What makes its bids when tasks are put out to bids, and whether that has faults.")
            .Produces<BiddingResponse>()
            .Refuses(AuctionRefusal.AgentNotYours);
        api.MapPut("/agents/{publisher}/{name}/bidding", SetAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("setAgentBidding").WithTags("Auctions").WithSummary("Say how an agent of yours bids")
            .WithDescription("Its posted prices, a fixed factor or price, a factor that rises with its load, a program of yours that is run for each auction, or your own service with signed bids. In force from the next auction on, for all versions.")
            .Produces<BiddingResponse>()
            .Refuses(AuctionRefusal.AgentNotYours, AuctionRefusal.PolicyInvalid);
        api.MapDelete("/agents/{publisher}/{name}/bidding", ResetAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("resetAgentBidding").WithTags("Auctions").WithSummary("Let an agent of yours bid as the operator says")
            .WithDescription("As if nothing had been said: its posted prices, unless the operator has it otherwise.")
            .Produces<BiddingResponse>()
            .Refuses(AuctionRefusal.AgentNotYours);
    }

    private static async Task<IResult> GetAsync(
        string publisher, string name, Caller caller, IAgentStore agents, SqlBiddingStore bidding, AuctionsOptions options, CancellationToken cancellationToken) =>
        await FindAsync(publisher, name, caller, agents, cancellationToken) is { } agent
            ? TypedResults.Ok(await ShowAsync(agent, bidding, options, cancellationToken))
            : NotYours(publisher, name);

    private static async Task<IResult> SetAsync(
        string publisher,
        string name,
        Body<BiddingPolicyBody> body,
        Caller caller,
        IAgentStore agents,
        IContentStore content,
        IContentOwners owners,
        Engine engine,
        SqlBiddingStore bidding,
        AuctionsOptions options,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (await FindAsync(publisher, name, caller, agents, cancellationToken) is not { } agent)
            return NotYours(publisher, name);
        var errors = new List<FieldError>();
        var policy = body.Value.Read(errors);
        if (policy is BiddingPolicy.Wasm { Program: var digest } && await MisfitAsync(digest, caller, content, owners, engine, options, cancellationToken) is { } misfit)
            errors.Add(new FieldError("/program", misfit));
        if (errors.Count > 0)
            return new Refusal<AuctionRefusal>(AuctionRefusal.PolicyInvalid, "Correct what is listed in errors and try again.", errors).ToProblem();
        await bidding.SetAsync(agent, policy!, time.GetUtcNow(), cancellationToken);
        return TypedResults.Ok(await ShowAsync(agent, bidding, options, cancellationToken));
    }

    private static async Task<IResult> ResetAsync(
        string publisher, string name, Caller caller, IAgentStore agents, SqlBiddingStore bidding, AuctionsOptions options, CancellationToken cancellationToken)
    {
        if (await FindAsync(publisher, name, caller, agents, cancellationToken) is not { } agent)
            return NotYours(publisher, name);
        await bidding.ResetAsync(agent, cancellationToken);
        return TypedResults.Ok(await ShowAsync(agent, bidding, options, cancellationToken));
    }

    /// <summary>Why a program cannot make bids; null when it can. It is compiled now, so that the first auction need not wait for that.</summary>
    private static async Task<string?> MisfitAsync(
        ContentHash digest, Caller caller, IContentStore content, IContentOwners owners, Engine engine, AuctionsOptions options, CancellationToken cancellationToken)
    {
        if (!await owners.MayReadAsync(digest, caller.UserId, cancellationToken) || await content.OpenAsync(digest, cancellationToken) is not { } stream)
            return "No content of yours has this digest here. Upload the program with POST /api/v1/blobs.";
        await using (stream)
        {
            if (stream.Length > MaxProgramBytes)
                return $"A bidding program has at most {MaxProgramBytes} bytes, this one has {stream.Length}.";
            var bytes = new byte[stream.Length];
            await stream.ReadExactlyAsync(bytes, cancellationToken);
            return ProgramCheck.Check(engine, bytes, options.ProgramMemoryBytes).Refusal is { } refusal
                ? string.Join(" ", refusal.Errors.Select(error => error.Reason).Prepend(refusal.Detail))
                : null;
        }
    }

    /// <summary><c>publisher/name</c> of an agent of the caller; null when it is none.</summary>
    private static async Task<string?> FindAsync(
        string publisher, string name, Caller caller, IAgentStore agents, CancellationToken cancellationToken) =>
        ListingName.TryParse($"{publisher}/{name}", null, out var listing)
        && await agents.FindAsync(listing, cancellationToken) is { } version && version.PublisherId == caller.UserId
            ? $"{publisher}/{name}"
            : null;

    private static async Task<BiddingResponse> ShowAsync(string agent, SqlBiddingStore bidding, AuctionsOptions options, CancellationToken cancellationToken)
    {
        if (await bidding.FindAsync(agent, cancellationToken) is { } kept)
            return new BiddingResponse(agent, kept.Policy.ToContract(), IsDefault: false, kept.Faults, kept.UpdatedAt, kept.LastFault);
        return new BiddingResponse(agent, options.ToPolicy().ToContract(), IsDefault: true, Faults: 0);
    }

    private static ProblemResult NotYours(string publisher, string name) =>
        new Refusal<AuctionRefusal>(AuctionRefusal.AgentNotYours, $"You have published no agent {publisher}/{name}.").ToProblem();
}
