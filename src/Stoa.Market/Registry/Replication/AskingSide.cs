using Stoa.Primitives;

namespace Stoa.Market.Registry.Replication;

/// <summary>The side of a reconciliation that begins it: it finds out what the sets differ in, asks for what it has not, and offers what the other side has not.</summary>
/// <remarks>
/// The greeting tells the other side how many symbols it takes, and its answer brings them: statements are asked for and offered after one round trip. Where symbols do not lead to an end, the
/// difference being too large or somebody having made statements against it, ranges do; who has next to nothing takes all in pages. Statements that come are looked at before more are asked for.
/// </remarks>
/// <param name="replica">What is here.</param>
/// <param name="channel">To the other side.</param>
/// <param name="nonce">Drawn for this session.</param>
/// <param name="pageFrom">Where pages go on that an earlier session has begun; null when they are not to be taken.</param>
public sealed class AskingSide(IReplica replica, IMessageChannel channel, SipKey nonce, UInt128? pageFrom)
{
    // Symbols for each item that are enough nearly always, and how many more until it is given up.
    private const double SymbolsPerItem = 1.4;
    private const double MostSymbolsPerItem = 2.2;
    private const int SpareSymbols = 16;
    private const int MostSpareSymbols = 256;

    private readonly List<UInt128> _theirs = [];
    private readonly List<UInt128> _ours = [];
    private ReconciliationReport _report = new() { IsComplete = true };

    /// <summary>Runs the session.</summary>
    /// <exception cref="InvalidDataException">The other side does not keep to the protocol.</exception>
    public async Task<ReconciliationReport> RunAsync(CancellationToken cancellationToken)
    {
        await SendAsync(new ReplicationMessage.Hello(nonce, replica.Index.TugOfWar), cancellationToken);
        var answer = await ReceiveAsync<ReplicationMessage>(cancellationToken);
        if (answer is ReplicationMessage.Busy)
            return _report with { Way = ReconciliationWay.Busy, IsComplete = false };
        var welcome = answer as ReplicationMessage.Welcome ?? throw Unexpected(answer);
        var symbols = await ReceiveAsync<ReplicationMessage.Symbols>(cancellationToken);
        var own = replica.Index.Ids.Count;
        if (pageFrom is { } from && welcome.Count >= ReplicationLimits.PagesFrom && (own + (long)replica.Unwanted.Count) * ReplicationLimits.PagesBelow < welcome.Count)
        {
            await TakePagesAsync(from, cancellationToken);
            return _report;
        }

        var isNear = Math.Abs((long)own - welcome.Count) <= ReplicationLimits.MaxSketchedDifferences;
        if (!isNear || !await CompareSketchesAsync(welcome, symbols, cancellationToken))
            await CompareRangesAsync(welcome, cancellationToken);
        _report = _report with { Theirs = _theirs.Count, Ours = _ours.Count };
        await FetchAsync(cancellationToken);
        if (_report.Intake.Forged == 0)
            await OfferAsync(cancellationToken);
        return _report;
    }

    private async Task<bool> CompareSketchesAsync(ReplicationMessage.Welcome welcome, ReplicationMessage.Symbols symbols, CancellationToken cancellationToken)
    {
        _report = _report with { Way = ReconciliationWay.Sketch };
        var decoder = new SketchDecoder(replica.Index.Under(welcome.Key));
        while (true)
        {
            if (symbols.First != decoder.Received || symbols.Coded.Count == 0 || symbols.Coded.Count > decoder.Room)
                throw new InvalidDataException("The symbols of a registry do not follow each other.");
            decoder.Add([.. symbols.Coded]);
            _report = _report with { Symbols = decoder.Received };
            if (decoder.IsDone)
            {
                _theirs.AddRange(decoder.Theirs);
                _ours.AddRange(decoder.Ours);
                return true;
            }

            var enough = (SymbolsPerItem * decoder.Estimate) + SpareSymbols;
            var most = (MostSymbolsPerItem * decoder.Estimate) + MostSpareSymbols;
            if (decoder.IsBroken || decoder.Room == 0 || decoder.Received >= most || enough > ReplicationLimits.MaxSymbols)
                return false;
            var more = Math.Max((int)enough - decoder.Received, (decoder.Received / 8) + SpareSymbols);
            await SendAsync(new ReplicationMessage.More(Math.Min(more, decoder.Room)), cancellationToken);
            symbols = await ReceiveAsync<ReplicationMessage.Symbols>(cancellationToken);
        }
    }

    private async Task CompareRangesAsync(ReplicationMessage.Welcome welcome, CancellationToken cancellationToken)
    {
        _report = _report with { Way = ReconciliationWay.Ranges };
        var view = new RangeView(replica.Index.Ids, RangeView.KeyOf(nonce, welcome.Nonce));
        // The last first: small ranges are done before there are many.
        var open = new Stack<ItemRange>([ItemRange.All]);
        while (open.Count > 0)
        {
            var asked = new List<ItemRange>(ReplicationLimits.MaxRangesAtOnce);
            while (asked.Count < ReplicationLimits.MaxRangesAtOnce && open.TryPop(out var range))
                asked.Add(range);
            if (_report.Ranges + asked.Count > ReplicationLimits.MaxRanges || _theirs.Count >= ReplicationLimits.MaxWanted)
            {
                _report = _report with { IsComplete = false };
                return;
            }

            _report = _report with { Ranges = _report.Ranges + asked.Count };
            await SendAsync(new ReplicationMessage.Ranges(asked), cancellationToken);
            var answers = (await ReceiveAsync<ReplicationMessage.RangeAnswers>(cancellationToken)).Answers;
            if (answers.Count != asked.Count)
                throw new InvalidDataException("Other ranges are answered than were asked for.");
            for (var number = 0; number < asked.Count; number++)
                Compare(view, asked[number], answers[number], open);
            if (open.Count > ReplicationLimits.MaxRanges)
                throw new InvalidDataException("The ranges of a registry have no end.");
        }
    }

    private void Compare(RangeView view, ItemRange range, RangeAnswer answer, Stack<ItemRange> open)
    {
        if (answer.Items is { } items)
        {
            for (var index = 0; index < items.Count; index++)
            {
                if (items[index] < range.First || items[index] > range.Last || (index > 0 && items[index] <= items[index - 1]))
                    throw new InvalidDataException("The items of a range are not in order.");
            }

            var here = view.Items(range).ToHashSet();
            _theirs.AddRange(items.Where(item => !here.Contains(item) && !replica.Unwanted.Contains(item)));
            here.ExceptWith(items);
            AddOurs(here);
            return;
        }

        var first = range.First;
        for (var index = 0; index < answer.Parts.Count; index++)
        {
            var part = answer.Parts[index];
            var isLast = index == answer.Parts.Count - 1;
            if (part.Last < first || part.Last > range.Last || isLast != (part.Last == range.Last))
                throw new InvalidDataException("The parts of a range are not its parts.");
            var piece = new ItemRange(first, part.Last);
            if (part.Sum.Count == 0)
                AddOurs(view.Items(piece));
            else if (view.Sum(piece) != part.Sum)
                open.Push(piece);
            first = part.Last + 1;
        }
    }

    private void AddOurs(IEnumerable<UInt128> items) => _ours.AddRange(items.Take(ReplicationLimits.MaxOffered - _ours.Count));

    private async Task FetchAsync(CancellationToken cancellationToken)
    {
        var ids = replica.Index.Ids;
        var wanted = _theirs.Where(item => !replica.Unwanted.Contains(item) && ids.Find(item) is null).ToList();
        if (wanted.Count > ReplicationLimits.MaxWanted)
            _report = _report with { IsComplete = false };
        wanted = [.. wanted.Take(ReplicationLimits.MaxWanted)];
        for (var done = 0; done < wanted.Count;)
        {
            var asked = wanted.GetRange(done, Math.Min(ReplicationLimits.MaxWantedAtOnce, wanted.Count - done));
            await SendAsync(new ReplicationMessage.Want(asked), cancellationToken);
            var given = await ReceiveAsync<ReplicationMessage.Given>(cancellationToken);
            if (given.Handled < 1 || given.Handled > asked.Count)
                throw new InvalidDataException("More statements are answered, or none, than were asked for.");
            CheckAsked(given.Statements, [.. asked.Take(given.Handled)]);
            await TakeAsync(given.Statements, cancellationToken);
            _report = _report with { Missing = _report.Missing + given.Handled - given.Statements.Count };
            if (_report.Intake.Forged > 0)
                return;
            done += given.Handled;
        }
    }

    private async Task OfferAsync(CancellationToken cancellationToken)
    {
        var ids = replica.Index.Ids;
        // Another begin each time: what the other side will not have does not stand before the rest for ever.
        var begin = _ours.Count == 0 ? 0 : (int)(nonce.First % (ulong)_ours.Count);
        var offered = _ours.Skip(begin).Concat(_ours.Take(begin)).Take(ReplicationLimits.MaxOffered);
        foreach (var offer in offered.Chunk(ReplicationLimits.MaxOfferedAtOnce))
        {
            await SendAsync(new ReplicationMessage.Offer(offer), cancellationToken);
            var wanted = (await ReceiveAsync<ReplicationMessage.Wanted>(cancellationToken)).Items;
            var known = offer.ToHashSet();
            if (!wanted.All(known.Contains))
                throw new InvalidDataException("Something is wanted that was not offered.");
            List<ContentHash> giving = [.. wanted.Select(ids.Find).OfType<ContentHash>()];
            for (var done = 0; done < giving.Count;)
            {
                var read = await replica.ReadAsync(giving.GetRange(done, Math.Min(ReplicationLimits.MaxStatementsAtOnce, giving.Count - done)), ReplicationLimits.EnoughBytes, cancellationToken);
                done += read.Handled;
                if (read.Statements.Count == 0)
                    continue;
                await SendAsync(new ReplicationMessage.Give(read.Statements), cancellationToken);
                await ReceiveAsync<ReplicationMessage.Taken>(cancellationToken);
                _report = _report with { Given = _report.Given + read.Statements.Count };
            }
        }
    }

    private async Task TakePagesAsync(UInt128 from, CancellationToken cancellationToken)
    {
        _report = _report with { Way = ReconciliationWay.Pages, PageFrom = from };
        for (var bytes = 0L; bytes < ReplicationLimits.MaxPagedBytes;)
        {
            await SendAsync(new ReplicationMessage.Page(from), cancellationToken);
            var page = await ReceiveAsync<ReplicationMessage.Paged>(cancellationToken);
            for (var index = 0; index < page.Statements.Count; index++)
            {
                var item = page.Statements[index].Item;
                if (item < from || (!page.IsLast && item >= page.Next) || (index > 0 && item < page.Statements[index - 1].Item))
                    throw new InvalidDataException("The statements of a page are not in order.");
            }

            if (!page.IsLast && page.Next <= from)
                throw new InvalidDataException("The pages of a registry have no end.");
            await TakeAsync(page.Statements, cancellationToken);
            // The sets are compared once all is there.
            _report = _report with { PageFrom = page.IsLast ? null : page.Next, IsComplete = false };
            if (page.IsLast || _report.Intake.Forged > 0)
                return;
            from = page.Next;
            bytes += page.Statements.Sum(statement => (long)statement.Payload.Length);
        }
    }

    private async Task TakeAsync(IReadOnlyList<SignedStatement> statements, CancellationToken cancellationToken)
    {
        if (statements.Count > 0)
            _report = _report with { Intake = _report.Intake.Plus(await replica.TakeAsync(statements, cancellationToken)) };
    }

    /// <exception cref="InvalidDataException">One was not asked for, or comes twice.</exception>
    internal static void CheckAsked(IReadOnlyList<SignedStatement> statements, HashSet<UInt128> asked)
    {
        foreach (var statement in statements)
        {
            if (!asked.Remove(statement.Item))
                throw new InvalidDataException($"The statement {statement.Id} was not asked for.");
        }
    }

    private ValueTask SendAsync(ReplicationMessage message, CancellationToken cancellationToken) => channel.SendAsync(message.Write(), cancellationToken);

    private async Task<T> ReceiveAsync<T>(CancellationToken cancellationToken) where T : ReplicationMessage
    {
        var bytes = await channel.ReceiveAsync(ReplicationLimits.MaxMessageBytes, cancellationToken) ?? throw new EndOfStreamException("The other side has ended the session.");
        var message = ReplicationMessage.Read(bytes.Span);
        return message as T ?? throw Unexpected(message);
    }

    private static InvalidDataException Unexpected(ReplicationMessage message) => new($"A {message.GetType().Name} of the registry was not asked for.");
}
