using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Node.Http;
using Stoa.Node.Identity;

namespace Stoa.Node.Builds;

/// <summary>Withdrawing what one has published, and reinstating it, over HTTP.</summary>
public static class WithdrawalsEndpoints
{
    public static void MapWithdrawals(this IEndpointRouteBuilder api)
    {
        api.MapPut("/agents/{publisher}/{name}/withdrawal", WithdrawAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("withdrawAgent").WithTags("Agents").WithSummary("Withdraw an agent of yours")
            .WithDescription("All versions that it has now are offered no more: no search, choice or auction finds them, and a task that names one is refused with the reason. Tasks that have one run to their ends, agents that call one go on calling it, and its receipts can be checked and disputed. A version that is published afterwards is offered. Doing it again changes the reason.")
            .Produces<AgentOfferResponse>()
            .Refuses(WithdrawalRefusal.AgentNotYours, WithdrawalRefusal.ReasonInvalid);
        api.MapPut("/agents/{publisher}/{name}/{version}/withdrawal", WithdrawVersionAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("withdrawAgentVersion").WithTags("Agents").WithSummary("Withdraw a version of an agent of yours")
            .WithDescription("As withdrawing the agent, of one version: the newest one that is left takes its place. It stays withdrawn when the whole agent is reinstated.")
            .Produces<AgentOfferResponse>()
            .Refuses(WithdrawalRefusal.AgentNotYours, WithdrawalRefusal.ReasonInvalid);
        api.MapDelete("/agents/{publisher}/{name}/withdrawal", ReinstateAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("reinstateAgent").WithTags("Agents").WithSummary("Reinstate an agent of yours")
            .WithDescription("The versions that were withdrawn with the whole agent are offered again, if their content is still there. Those that were withdrawn one by one stay so. Doing it again changes nothing.")
            .Produces<AgentOfferResponse>()
            .Refuses(WithdrawalRefusal.AgentNotYours, WithdrawalRefusal.ContentGone);
        api.MapDelete("/agents/{publisher}/{name}/{version}/withdrawal", ReinstateVersionAsync)
            .Needs(Permission.AgentsPublish)
            .WithName("reinstateAgentVersion").WithTags("Agents").WithSummary("Reinstate a version of an agent of yours")
            .WithDescription("It is offered again, if its content is still there. Doing it again changes nothing.")
            .Produces<AgentOfferResponse>()
            .Refuses(WithdrawalRefusal.AgentNotYours, WithdrawalRefusal.ContentGone);
    }

    private static Task<IResult> WithdrawAsync(
        string publisher, string name, Body<WithdrawAgentRequest> body, Caller caller, AgentWithdrawals withdrawals, CancellationToken cancellationToken) =>
        ActAsync($"{publisher}/{name}", listing => withdrawals.WithdrawAsync(caller.UserId, listing, body.Value.Reason, cancellationToken));

    private static Task<IResult> WithdrawVersionAsync(
        string publisher, string name, string version, Body<WithdrawAgentRequest> body, Caller caller, AgentWithdrawals withdrawals, CancellationToken cancellationToken) =>
        ActAsync($"{publisher}/{name}@{version}", listing => withdrawals.WithdrawAsync(caller.UserId, listing, body.Value.Reason, cancellationToken));

    private static Task<IResult> ReinstateAsync(
        string publisher, string name, Caller caller, AgentWithdrawals withdrawals, CancellationToken cancellationToken) =>
        ActAsync($"{publisher}/{name}", listing => withdrawals.ReinstateAsync(caller.UserId, listing, cancellationToken));

    private static Task<IResult> ReinstateVersionAsync(
        string publisher, string name, string version, Caller caller, AgentWithdrawals withdrawals, CancellationToken cancellationToken) =>
        ActAsync($"{publisher}/{name}@{version}", listing => withdrawals.ReinstateAsync(caller.UserId, listing, cancellationToken));

    private static async Task<IResult> ActAsync(string named, Func<ListingName, Task<Outcome<AgentOffer, WithdrawalRefusal>>> act) =>
        ListingName.TryParse(named, null, out var listing)
            ? (await act(listing)).Match<IResult>(offer => TypedResults.Ok(ToContract(offer)), refusal => refusal.ToProblem())
            : new Refusal<WithdrawalRefusal>(WithdrawalRefusal.AgentNotYours, $"{named} is not the name of an agent.").ToProblem();

    private static AgentOfferResponse ToContract(AgentOffer offer) =>
        new(offer.Agent.ToString(), [.. offer.Changed.Select(version => version.ToString())], offer.Newest?.ToString());
}
