using Stoa.Client.Contracts;
using Stoa.Faults.Books;
using Stoa.Faults.Nodes;

namespace Stoa.Faults.Load;

/// <summary>Who takes part beside the operator: publishers of agents that are called, members who sign in by a password, and subscribers to a plan, some of whom submit as well.</summary>
internal sealed class People : IDisposable
{
    private const string Password = "correct horse battery";
    private const string Plan = "faults";
    private const string Wallet = "10000";
    private const int Members = 3;
    private const int SubscribedMembers = 3;
    private const int QuietSubscribers = 24;

    // Of a plan whose credit is spent in the course of a run, so that tasks are paid of it, of both, and of the wallet.
    private const string Price = "1";
    private const string Credit = "0.05";

    private static readonly TimeSpan s_untilFirstRenewal = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan s_betweenRenewals = TimeSpan.FromMilliseconds(1_500);

    private People(IReadOnlyList<KeptSession> consumers) => Consumers = consumers;

    /// <summary>Those who submit.</summary>
    public IReadOnlyList<KeptSession> Consumers { get; }

    /// <summary>Publishes the agents, and has everybody join.</summary>
    public static async Task<People> JoinAsync(NodeProcess node, DatabaseEye eye, bool isInCell, string webhook, FaultReport report, CancellationToken stop)
    {
        var admin = node.Client;
        using (var middle = await RegisterAsync(node, Calling.Middle, isInCell, report, stop))
        using (var deep = await RegisterAsync(node, Calling.Deep, isInCell, report, stop))
        using (var middleClient = await middle.ConnectAsync(node, stop))
        using (var deepClient = await deep.ConnectAsync(node, stop))
            await Calling.PublishCalledAsync(middleClient, deepClient, stop);
        await Calling.PublishCallingAsync(admin, stop);
        await admin.PutPlanAsync(Plan, new PutPlanRequest(Price, Credit), stop);
        var people = new People([.. await Task.WhenAll(Enumerable.Range(0, Members + SubscribedMembers).Select(number => RegisterAsync(node, $"member-{number}", isInCell, report, stop)))]);
        foreach (var member in people.Consumers)
        {
            await admin.DepositAsync(new DepositRequest(member.Handle, Wallet), stop);
            using var client = await member.ConnectAsync(node, stop);
            await client.CreateWebhookAsync(new CreateWebhookRequest(webhook, ToldAudit.Types), stop);
        }

        var due = DateTimeOffset.UtcNow + s_untilFirstRenewal;
        foreach (var member in people.Consumers.Skip(Members))
            due = await SubscribeAsync(node, member, eye, due, stop);
        for (var number = 0; number < QuietSubscribers; number++)
        {
            using var quiet = await RegisterAsync(node, $"subscriber-{number}", isInCell, report, stop);
            await admin.DepositAsync(new DepositRequest(quiet.Handle, Wallet), stop);
            due = await SubscribeAsync(node, quiet, eye, due, stop);
        }

        return people;
    }

    public void Dispose()
    {
        foreach (var consumer in Consumers)
            consumer.Dispose();
    }

    private static async Task<KeptSession> RegisterAsync(NodeProcess node, string handle, bool isInCell, FaultReport report, CancellationToken stop)
    {
        await node.Client.RegisterAsync(new RegisterRequest(handle, $"{handle}@example.org", Password), stop);
        return new KeptSession(handle, Password, isInCell, report);
    }

    /// <summary>Subscribes somebody, a month ago but for some seconds: no run takes a month.</summary>
    /// <returns>When the next one's plan is to be renewed.</returns>
    private static async Task<DateTimeOffset> SubscribeAsync(NodeProcess node, KeptSession somebody, DatabaseEye eye, DateTimeOffset due, CancellationToken stop)
    {
        using var client = await somebody.ConnectAsync(node, stop);
        var subscription = (await client.PutSubscriptionAsync(new PutSubscriptionRequest(Plan), stop)).Id;
        await eye.ChangeAsync(
            $"""
            UPDATE subscriptions SET anchor_at = {due.AddMonths(-1).ToUnixTimeMilliseconds()}, due_at = {due.ToUnixTimeMilliseconds()} WHERE id = '{subscription}';
            UPDATE credit_grants SET expires_at = {due.ToUnixTimeMilliseconds()}, due_at = {due.ToUnixTimeMilliseconds()} WHERE cause = '{subscription}';
            """,
            stop);
        return due + s_betweenRenewals;
    }
}
