using System.Diagnostics;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Faults.Nodes;

namespace Stoa.Faults.Load;

/// <summary>The session of an honest program: signed in by a password, refreshed every now and then, and asked for again when the answer to that was lost.</summary>
/// <remarks>
/// What is promised is in docs/accounts.md: a refresh that comes again within half a minute gives the same next token. So a session that a node calls over is lost, and breaks the promise,
/// unless the program itself came later than that, or the clock of a node that is alone jumped in between, which then cannot tell half a minute. Nodes of a cell count by their database's.
/// </remarks>
internal sealed class KeptSession(string handle, string password, bool isInCell, FaultReport report) : IDisposable
{
    private const int ShortestLifeMs = 200;
    private const int LongestLifeMs = 2_000;

    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _turn = new(1);
    private readonly HashSet<TimeSpan> _askedBy = [];
    private SessionResponse? _tokens;
    private TimeSpan _madeBy;
    private long _askedAt;
    private long _freshUntil;

    public string Handle => handle;

    /// <summary>How often it was refreshed.</summary>
    public int Refreshed { get; private set; }

    /// <summary>How often that took another attempt, since an answer was lost.</summary>
    public int Repeated { get; private set; }

    /// <summary>How often it was over though it was promised not to be.</summary>
    public int Lost { get; private set; }

    /// <summary>How often it was over since the program came too late, or the clock jumped.</summary>
    public int Excused { get; private set; }

    /// <summary>What it would be refreshed by.</summary>
    internal string RefreshToken => _tokens?.RefreshToken ?? "";

    /// <summary>Whether a node says that a session is over.</summary>
    public static bool IsOver(StoaException refusal) => refusal.Code is "refreshTokenInvalid" or "refreshTokenReused" or "sessionEnded";

    /// <summary>Talks to a node by it.</summary>
    public async Task<StoaClient> ConnectAsync(NodeProcess node, CancellationToken stop) =>
        node.ClientOf((await GetTokenAsync(node.Anonymous, node.ClockAhead, stop)).Token);

    /// <summary>An access token: of a new session, or of a refresh when it is time for that. One at a time asks for it, and what is answered is kept before it is used.</summary>
    /// <param name="node">Asked as nobody.</param>
    /// <param name="clockAhead">By how much its clock is ahead.</param>
    /// <param name="stop">Gives up.</param>
    public async Task<AccessToken> GetTokenAsync(StoaClient node, TimeSpan clockAhead, CancellationToken stop)
    {
        await _turn.WaitAsync(stop);
        try
        {
            if (_tokens is null)
                Keep(await node.LoginAsync(new LoginRequest(handle, password), stop), clockAhead);
            else if (Stopwatch.GetTimestamp() >= _freshUntil)
                await RefreshAsync(node, _tokens, clockAhead, stop);
            return new AccessToken(_tokens!.Token, _madeBy);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Has the next call refresh it.</summary>
    public void Doubt() => Volatile.Write(ref _freshUntil, 0);

    public void Dispose() => _turn.Dispose();

    private async Task RefreshAsync(StoaClient node, SessionResponse tokens, TimeSpan clockAhead, CancellationToken stop)
    {
        var isRepeat = _askedBy.Count > 0;
        if (!isRepeat)
            _askedAt = Stopwatch.GetTimestamp();
        _askedBy.Add(clockAhead);
        try
        {
            var next = await node.RefreshSessionAsync(new RefreshSessionRequest(tokens.RefreshToken), stop);
            Refreshed++;
            Repeated += isRepeat ? 1 : 0;
            Keep(next, clockAhead);
        }
        catch (StoaException over) when (IsOver(over))
        {
            var waited = Stopwatch.GetElapsedTime(_askedAt);
            if (isRepeat && (waited > s_grace || (!isInCell && _askedBy.Count > 1)))
            {
                Excused++;
            }
            else
            {
                Lost++;
                report.Break($"The session {tokens.SessionId} of {handle} was lost {waited.TotalSeconds:0.0} s after a refresh {(isRepeat ? "that got no answer" : "was asked for once")}: {over.Code}.");
            }

            _tokens = null;
            _askedBy.Clear();
            throw;
        }
    }

    private void Keep(SessionResponse tokens, TimeSpan clockAhead)
    {
        (_tokens, _madeBy) = (tokens, clockAhead);
        _askedBy.Clear();
        Volatile.Write(ref _freshUntil, Stopwatch.GetTimestamp() + (Random.Shared.Next(ShortestLifeMs, LongestLifeMs) * Stopwatch.Frequency / 1_000));
    }
}

/// <summary>What is sent with a request.</summary>
/// <param name="Token">The token.</param>
/// <param name="MadeBy">By how much the clock of the node was ahead that made it.</param>
internal sealed record AccessToken(string Token, TimeSpan MadeBy);
