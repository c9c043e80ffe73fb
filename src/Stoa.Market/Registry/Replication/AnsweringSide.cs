using Stoa.Primitives;

namespace Stoa.Market.Registry.Replication;

/// <summary>The side of a reconciliation that is asked. What it tells costs it next to nothing: the symbols are there, and only ranges need a look at all ids, once in a session.</summary>
/// <param name="replica">What is here.</param>
/// <param name="channel">To the asking side.</param>
/// <param name="nonce">Drawn for this session.</param>
public sealed class AnsweringSide(IReplica replica, IMessageChannel channel, SipKey nonce)
{
    // So many are enough where the difference is estimated too low by a quarter, which is seldom; what is missing costs one more round trip.
    private const double SymbolsPerEstimatedItem = 1.75;
    private const int SpareSymbols = 16;

    private readonly HashSet<UInt128> _wanted = [];
    private ReconciliationReport _report = new() { Way = ReconciliationWay.Sketch, IsComplete = true };
    private SketchedSet? _sketch;
    private RangeView? _view;
    private SipKey _asker;
    private int _asked;
    private int _offered;
    private long _pagedBytes;

    /// <summary>Has the asking side come again later.</summary>
    public static async Task RefuseAsync(IMessageChannel channel, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(channel);
        if (await channel.ReceiveAsync(ReplicationLimits.MaxQuestionBytes, cancellationToken) is not null)
            await channel.SendAsync(new ReplicationMessage.Busy().Write(), cancellationToken);
    }

    /// <summary>Answers until the asking side has ended, or has sent what is forged.</summary>
    /// <exception cref="InvalidDataException">The asking side does not keep to the protocol.</exception>
    public async Task<ReconciliationReport> RunAsync(CancellationToken cancellationToken)
    {
        while (_report.Intake.Forged == 0)
        {
            var maxLength = _wanted.Count > 0 ? ReplicationLimits.MaxMessageBytes : ReplicationLimits.MaxQuestionBytes;
            if (await channel.ReceiveAsync(maxLength, cancellationToken) is not { } bytes)
                break;
            await AnswerAsync(ReplicationMessage.Read(bytes.Span), cancellationToken);
        }

        return _report;
    }

    private async Task AnswerAsync(ReplicationMessage message, CancellationToken cancellationToken)
    {
        if (message is ReplicationMessage.Hello == (_sketch is not null))
            throw new InvalidDataException("A session of the registry begins with one greeting.");
        switch (message)
        {
            case ReplicationMessage.Hello hello:
                (_sketch, _asker) = (replica.Index.Own(), hello.Nonce);
                await SendAsync(new ReplicationMessage.Welcome(nonce, _sketch.Key, _sketch.Count), cancellationToken);
                await TellAsync(EnoughFor(TugOfWarSketch.Difference(hello.TugOfWar, replica.Index.TugOfWar)), cancellationToken);
                break;
            case ReplicationMessage.More more:
                await TellAsync(more.Count, cancellationToken);
                break;
            case ReplicationMessage.Ranges ranges:
                _report = _report with { Way = ReconciliationWay.Ranges, Ranges = Within(_report.Ranges + ranges.Asked.Count, ReplicationLimits.MaxRanges, "ranges") };
                var view = _view ??= new RangeView(replica.Index.Ids, RangeView.KeyOf(_asker, nonce));
                await SendAsync(new ReplicationMessage.RangeAnswers([.. ranges.Asked.Select(view.Answer)]), cancellationToken);
                break;
            case ReplicationMessage.Page page:
                await TurnAsync(page.From, cancellationToken);
                break;
            case ReplicationMessage.Want want:
                await GiveAsync(want.Items, cancellationToken);
                break;
            case ReplicationMessage.Offer offer:
                await ChooseAsync(offer.Items, cancellationToken);
                break;
            case ReplicationMessage.Give give:
                AskingSide.CheckAsked(give.Statements, _wanted);
                var intake = await replica.TakeAsync(give.Statements, cancellationToken);
                _report = _report with { Intake = _report.Intake.Plus(intake) };
                await SendAsync(new ReplicationMessage.Taken(intake.Taken), cancellationToken);
                break;
            default:
                throw new InvalidDataException($"A {message.GetType().Name} of the registry is an answer, not a question.");
        }
    }

    private int EnoughFor(double differences) => differences > ReplicationLimits.MaxSketchedDifferences
        ? ReplicationLimits.FirstSymbols
        : Math.Min(_sketch!.Length, (int)(SymbolsPerEstimatedItem * differences) + SpareSymbols);

    private async Task TellAsync(int count, CancellationToken cancellationToken)
    {
        var sketch = _sketch!;
        var first = _report.Symbols;
        if (count < 1 || count > sketch.Length - first)
            throw new InvalidDataException("There are not so many symbols of a registry.");
        _report = _report with { Symbols = first + count };
        await SendAsync(new ReplicationMessage.Symbols(first, sketch.Count, sketch.Read(first, count)), cancellationToken);
    }

    private async Task GiveAsync(IReadOnlyList<UInt128> items, CancellationToken cancellationToken)
    {
        _asked = Within(_asked + items.Count, 2 * ReplicationLimits.MaxWanted, "statements");
        var ids = replica.Index.Ids;
        var found = new List<(int Place, ContentHash Id)>();
        for (var place = 0; place < items.Count; place++)
        {
            if (ids.Find(items[place]) is { } id)
                found.Add((place, id));
        }

        var read = found.Count == 0 ? new ReadStatements(0, []) : await replica.ReadAsync([.. found.Select(one => one.Id)], ReplicationLimits.EnoughBytes, cancellationToken);
        // What is not there is answered as well.
        var handled = read.Handled == found.Count ? items.Count : found[read.Handled].Place;
        _report = _report with { Given = _report.Given + read.Statements.Count };
        await SendAsync(new ReplicationMessage.Given(handled, read.Statements), cancellationToken);
    }

    private async Task ChooseAsync(IReadOnlyList<UInt128> items, CancellationToken cancellationToken)
    {
        _offered = Within(_offered + items.Count, ReplicationLimits.MaxOffered, "offers");
        var ids = replica.Index.Ids;
        _wanted.Clear();
        _wanted.UnionWith(items.Where(item => ids.Find(item) is null && !replica.Unwanted.Contains(item)));
        await SendAsync(new ReplicationMessage.Wanted([.. _wanted]), cancellationToken);
    }

    private async Task TurnAsync(UInt128 from, CancellationToken cancellationToken)
    {
        _report = _report with { Way = ReconciliationWay.Pages };
        if (_pagedBytes > ReplicationLimits.MaxPagedBytes)
            throw new InvalidDataException("A session of the registry has so many pages and no more.");
        var ids = replica.Index.Ids.From(from).Take(ReplicationLimits.MaxStatementsAtOnce).ToList();
        var read = ids.Count == 0 ? new ReadStatements(0, []) : await replica.ReadAsync(ids, ReplicationLimits.EnoughBytes, cancellationToken);
        var isLast = read.Handled == ids.Count && ids.Count < ReplicationLimits.MaxStatementsAtOnce;
        var next = ids.Count == 0 ? from : SetItem.Of(ids[read.Handled - 1]) + 1;
        _pagedBytes += read.Statements.Sum(statement => (long)statement.Payload.Length);
        _report = _report with { Given = _report.Given + read.Statements.Count };
        await SendAsync(new ReplicationMessage.Paged(isLast, next, read.Statements), cancellationToken);
    }

    private static int Within(int count, int max, string what) => count <= max ? count : throw new InvalidDataException($"A session of the registry has at most {max} {what}.");

    private ValueTask SendAsync(ReplicationMessage message, CancellationToken cancellationToken) => channel.SendAsync(message.Write(), cancellationToken);
}
