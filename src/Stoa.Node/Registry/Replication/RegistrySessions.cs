using Stoa.Market.Registry.Replication;
using Stoa.Network.Hosting;
using Stoa.Node.Background;
using Stoa.Node.Storage;
using Stoa.Primitives;
using PeerHost = Stoa.Network.Hosting.Host;

namespace Stoa.Node.Registry.Replication;

/// <summary>Compares the statements of this node with those of each peer that speaks the protocol, and lets them compare theirs.</summary>
/// <param name="host">Carries it.</param>
/// <param name="replica">What is here.</param>
/// <param name="follower">Has the replica's index follow what is kept; nothing is compared before it is ready.</param>
/// <param name="options">How often, and with how many.</param>
/// <param name="telemetry">Counts.</param>
/// <param name="drawKey">Draws keys that nobody knows beforehand.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Told of what failed.</param>
internal sealed partial class RegistrySessions(
    PeerHost host, IReplica replica, ReplicaFollower follower, RegistryOptions options, ReplicationTelemetry telemetry, Func<SipKey> drawKey, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan s_beforeReady = TimeSpan.FromMilliseconds(250);
    // Clocks are set now and then, and then what is due is so at another moment.
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_goodbye = TimeSpan.FromSeconds(5);

    // A million statements are some hundred sessions, and a peer that has nothing to get comes once in some minutes.
    private readonly ServedPace _served = new(60, TimeSpan.FromSeconds(3));

    // What may make a session due before the next one is, or give it room.
    private readonly Signal _changed = new();
    private long _changes;
    private int _asking;

    private readonly SyncSchedule _schedule = new(TimeSpan.FromSeconds(options.SyncSeconds), host.Choose);

    /// <summary>Answers peers from now on, and notes whom to ask.</summary>
    public void Open()
    {
        host.Changed += Follow;
        host.Handle(RegistryProtocol.Name, ServeAsync, new HandlerOptions(options.MaxServedSyncs, MaxStreamsPerPeer: 2, RegistryProtocol.MaxSession));
        foreach (var peer in host.ConnectedPeers)
            Follow(peer, PeerChangeKind.Identified);
    }

    /// <summary>Asks peers until it is cancelled.</summary>
    public Task RunAsync(CancellationToken stoppingToken) => Task.WhenAll(FollowStoreAsync(stoppingToken), SyncAsync(stoppingToken));

    private void Follow(PeerId peer, PeerChangeKind kind)
    {
        if (kind is PeerChangeKind.Disconnected)
            _schedule.Leave(peer);
        else if (kind is PeerChangeKind.Identified && host.Peers.Speaks(peer, RegistryProtocol.Name))
        {
            _schedule.Meet(peer, host.Connections.Any(connection => connection.RemotePeer == peer && connection.IsInitiator), time.GetUtcNow());
            _changed.Raise(Interlocked.Increment(ref _changes));
        }
    }

    private async Task FollowStoreAsync(CancellationToken stoppingToken)
    {
        var failures = new FailureLog(log, time);
        while (true)
        {
            await failures.TryAsync("follow what statements are stored", follower.RunAsync, stoppingToken);
            await Task.Delay(s_pause, time, stoppingToken);
        }
    }

    private async Task SyncAsync(CancellationToken stoppingToken)
    {
        var running = new List<Task>();
        try
        {
            while (true)
            {
                var seen = _changed.Value;
                running.RemoveAll(session => session.IsCompleted);
                while (follower.IsReady && HasRoom && _schedule.Begin(time.GetUtcNow()) is { } due)
                {
                    Interlocked.Increment(ref _asking);
                    running.Add(AskAsync(due.Peer, due.PageFrom, stoppingToken));
                }

                await _changed.WaitBeyondAsync(seen, UntilNext(), time, stoppingToken);
            }
        }
        finally
        {
            await Task.WhenAll(running);
        }
    }

    private bool HasRoom => Volatile.Read(ref _asking) < options.MaxSyncs;

    private TimeSpan UntilNext()
    {
        if (!follower.IsReady)
            return s_beforeReady;
        return HasRoom && _schedule.NextAt() is { } next && next - time.GetUtcNow() is var left && left < s_lookAgain ? left : s_lookAgain;
    }

    private async Task AskAsync(PeerId peer, UInt128? pageFrom, CancellationToken stoppingToken)
    {
        // Much of a session is arithmetic.
        await Task.Yield();
        ReconciliationReport? report = null;
        try
        {
            using var timeout = new CancellationTokenSource(RegistryProtocol.MaxSession, time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stoppingToken);
            await using var stream = await host.OpenStreamAsync(peer, [RegistryProtocol.Name], both.Token);
            var channel = new PeerChannel(stream, time);
            var began = time.GetTimestamp();
            report = await new AskingSide(replica, channel, drawKey(), pageFrom).RunAsync(both.Token);
            telemetry.Took(time.GetElapsedTime(began));
            telemetry.Ended("asking", report);
            LogCompared(peer, report.Way, report.Theirs, report.Ours, report.Intake.Taken, report.Given);
            Blame(peer, report.Intake.Forged);
            await EndAsync(stream, channel, both.Token);
        }
        catch (InvalidDataException breach)
        {
            telemetry.Failed("broken");
            LogFailed(peer, breach.Message);
            host.Offend(peer);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            if (!stoppingToken.IsCancellationRequested && report is null)
            {
                telemetry.Failed(e is OperationCanceledException ? "deadline" : "lost");
                LogFailed(peer, e.Message);
            }
        }
        catch (Exception failure)
        {
            telemetry.Failed("fault");
            LogFault(peer, failure);
        }
        finally
        {
            _schedule.End(peer, report, time.GetUtcNow());
            Interlocked.Decrement(ref _asking);
            _changed.Raise(Interlocked.Increment(ref _changes));
        }
    }

    /// <summary>Says goodbye: what was sent last is not to be overtaken by a reset.</summary>
    private async Task EndAsync(PeerStream stream, PeerChannel channel, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(s_goodbye, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        await stream.CompleteWritesAsync(both.Token);
        if (await channel.ReceiveAsync(ReplicationLimits.MaxQuestionBytes, both.Token) is not null)
            throw new InvalidDataException("Something comes behind the end of a session.");
    }

    private async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        var channel = new PeerChannel(stream, time);
        if (!follower.IsReady || !_served.TryTake(stream.Peer, time.GetUtcNow()))
        {
            await AnsweringSide.RefuseAsync(channel, cancellationToken);
            return;
        }

        var report = await new AnsweringSide(replica, channel, drawKey()).RunAsync(cancellationToken);
        telemetry.Ended("answering", report);
        Blame(stream.Peer, report.Intake.Forged);
        if (report is { Intake.Forged: 0, Symbols: > 0 })
            _schedule.Served(stream.Peer, time.GetUtcNow());
    }

    private void Blame(PeerId peer, int forged)
    {
        for (var number = 0; number < forged; number++)
            host.Offend(peer);
    }

    [LoggerMessage(LogLevel.Debug, "The registry: compared with {Peer} by {Way}: {Theirs} there alone, {Ours} here alone; {Taken} taken, {Given} given.")]
    private partial void LogCompared(PeerId peer, ReconciliationWay way, int theirs, int ours, int taken, int given);

    [LoggerMessage(LogLevel.Debug, "The registry: comparing with {Peer} was broken off: {Why}")]
    private partial void LogFailed(PeerId peer, string why);

    [LoggerMessage(LogLevel.Error, "The registry: comparing with {Peer} has failed.")]
    private partial void LogFault(PeerId peer, Exception failure);
}
