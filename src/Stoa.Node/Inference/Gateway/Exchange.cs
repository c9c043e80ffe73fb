using System.Buffers;
using System.Diagnostics;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Node.Http;

namespace Stoa.Node.Inference.Gateway;

/// <summary>One request at one replica: sent there, its answer sent on, and what it cost taken.</summary>
/// <remarks>
/// Until the first word of an answer is there, nothing of it goes out, so that another replica can be asked. From then on the client has a part of it, and a failure is told as an event of the stream. Who gets no whole
/// answer through the fault of others pays nothing; who goes away pays for what was written until then. Another operator's node charges what it has written by then, which only its receipt tells: its answer is read on for a while, and
/// sent to nobody.
/// </remarks>
/// <param name="answer">Where the answer goes.</param>
/// <param name="request">What is asked.</param>
/// <param name="asked">How it is asked at the replica.</param>
/// <param name="reservation">The most that it may cost; whoever has made it releases it.</param>
/// <param name="race">With whom it runs; null for nobody.</param>
/// <param name="terms">What goes with it.</param>
/// <param name="options">Limits.</param>
/// <param name="visit">Told of the first word, and when the server has done its part and only the client is waited for.</param>
internal sealed class Exchange(
    IAnswer answer, InferenceRequest request, IReplicaRequest asked, Reservation reservation, ExchangeRace? race, ExchangeTerms terms, InferenceOptions options, IReplicaVisit visit)
{
    private readonly long _began = Stopwatch.GetTimestamp();

    private readonly Replica _replica = asked.Replica;
    private readonly bool _readsOn = asked.IsReadToItsEnd;
    private AnswerClaims _claims;
    private double _firstTokenMs;
    private bool _isStarted;
    private bool _isAway;
    private bool _isBelied;
    private bool _isSettled;
    private Primitives.Money _price;
    private FormLimitException? _unfit;
    private AnswerCharge? _charged;

    /// <summary>What was used, as it is billed; nothing until then.</summary>
    public TokenUsage Used { get; private set; }

    private double ElapsedMs => Stopwatch.GetElapsedTime(_began).TotalMilliseconds;

    /// <summary>Does it.</summary>
    /// <returns>How it ended: with an answer, or with a part of one and an error behind it.</returns>
    /// <exception cref="UpstreamException">The replica failed, and the client has got nothing yet.</exception>
    /// <exception cref="OperationCanceledException">The client has gone, or another replica was faster.</exception>
    public async Task<RequestEnd> RunAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_readsOn ? CancellationToken.None : answer.Gone);
        limit.CancelAfter(terms.PatienceMs);
        try
        {
            answer.Gone.ThrowIfCancellationRequested();
            // Before its first word it has the time that it has for anybody: given up then, what the replica charges would be paid for by nobody.
            using var left = _readsOn
                ? answer.Gone.Register(() =>
                {
                    if (_isStarted)
                        limit.CancelAfter(options.IdleMs);
                })
                : default;
            // Whoever has won is beyond being given up.
            using var givenUp = race?.Lost.Register(() =>
            {
                if (!race.IsWonBy(this))
                    limit.Cancel();
            });
            using var response = await asked.SendAsync(request, terms.MaxTokens, limit.Token);
            await using var stream = await response.Content.ReadAsStreamAsync(limit.Token);
            return request.IsStream ? await SendEventsAsync(stream, limit) : await SendWholeAsync(stream, limit.Token);
        }
        catch (Exception gone) when (gone is ClientStalledException || (gone is OperationCanceledException or IOException && (_isAway || answer.Gone.IsCancellationRequested)))
        {
            // Before there was anything to read there may be something to pay all the same.
            _charged ??= _isStarted ? null : await asked.FindOwedAsync(request.InputTokens);
            if (_isStarted || _charged is not null)
                Settle();
            throw new OperationCanceledException("The client has gone.", gone, answer.Gone);
        }
        catch (FormLimitException unfit)
        {
            return await TellUnfitAsync(unfit, Settle());
        }
        catch (OperationCanceledException) when (!_isStarted && race is { Lost.IsCancellationRequested: true })
        {
            throw;
        }
        catch (Exception exception) when (UpstreamException.Of(exception, limit.IsCancellationRequested) is { } failure)
        {
            asked.NoteFailure(failure, PriceOf(Bill().Used));
            if (!_isStarted)
                throw failure;
            if (_isAway && _unfit is null)
            {
                Settle();
                throw new OperationCanceledException("The client has gone.", failure, answer.Gone);
            }

            await TellBrokenAsync($"The answer broke off: {failure.Message} What you have of it cost nothing. Ask again: another replica may be asked then.");
            return RequestEnd.Failed;
        }
    }

    private async Task<RequestEnd> SendWholeAsync(Stream stream, CancellationToken cancellationToken)
    {
        using var buffer = new GrowingBuffer(options.MaxAnswerBytes);
        await buffer.FillAsync(stream, int.MaxValue, cancellationToken);

        if (!AnswerReading.TryRead(buffer.Span, out var reading))
            throw new UpstreamException(UpstreamFailureKind.Malformed, "What it answered is no JSON object.");
        if (reading.IsError)
            throw new UpstreamException(UpstreamFailureKind.ErrorInAnswer, "It answered 200 and an error.");
        if (!reading.HasResult || reading.Results == 0)
            throw new UpstreamException(UpstreamFailureKind.Malformed, "What it answered has no result in it.");
        _claims.Add(reading);
        _charged = asked.Judge(buffer.Span, _claims, request.InputTokens, terms.MostOutput);
        try
        {
            answer.Check(buffer.Span);
        }
        catch (FormLimitException unfit)
        {
            _unfit = unfit;
        }

        Win();
        var price = Settle();
        var end = ServedEnd(_firstTokenMs);
        visit.Leave(end);
        if (_readsOn && answer.Gone.IsCancellationRequested)
            throw new ClientStalledException();
        if (_unfit is not null)
        {
            await answer.RefuseAsync(ErrorOf(_unfit, price));
            return end;
        }

        answer.Begin(new AnswerHead(_replica, terms.WaitedMs, new WholeAnswer(AnswerEdits.LengthOf(buffer.Length, reading, _replica.Model, price), price)));
        AnswerEdits.Write(answer.Writer, buffer.Span, reading, _replica.Model, price);
        await answer.EndAsync(price);
        return end;
    }

    private async Task<RequestEnd> SendEventsAsync(Stream stream, CancellationTokenSource limit)
    {
        using var buffer = new GrowingBuffer(options.MaxEventBytes);
        var held = new ArrayBufferWriter<byte>(1_024);
        var (isDone, finished, isUsageTold) = (false, 0, false);
        var (armedAt, searched, isCut) = (_began, 0, false);
        while (!isDone && !isCut)
        {
            if (await buffer.ReadAsync(stream, limit.Token) == 0)
                break;
            _isAway |= _readsOn && answer.Gone.IsCancellationRequested;
            while (!isDone && !_isBelied && EventLines.TryTake(buffer.Span, ref searched, out var length))
            {
                isDone = Take(buffer.Span[..length], held, ref finished, ref isUsageTold);
                buffer.Take(length);
            }

            if (_isBelied)
                break;
            if (!_isStarted)
            {
                if (held.WrittenCount > options.MaxEventBytes)
                    throw new UpstreamException(UpstreamFailureKind.TooLarge, $"More than {options.MaxEventBytes} bytes came before the first word of the answer.");
                continue;
            }

            // A server that does not keep to the limit of tokens has written all that is paid for: that is the end of it.
            isCut = _claims.Counted > TokenCount.EndlessOf(terms.MostOutput);
            if (ElapsedMs > options.MaxAnswerMs)
                throw new UpstreamException(UpstreamFailureKind.TooLarge, "It did not come to an end.");
            if (!isDone && !isCut)
                await FlushAsync(limit);
            // A timer is set again at most so often: a stream may have hundreds of events in a second.
            if (!_isAway && (armedAt == _began || Stopwatch.GetElapsedTime(armedAt).TotalMilliseconds > options.IdleMs / 8.0))
            {
                armedAt = Stopwatch.GetTimestamp();
                limit.CancelAfter(options.IdleMs);
            }
        }

        if (!isDone && !isCut && (finished < request.ShownChoices || (buffer.Length > 0 && !_isBelied)))
            throw new UpstreamException(UpstreamFailureKind.Truncated, "The answer ended before it was whole.");
        if (!_isStarted)
            throw new UpstreamException(UpstreamFailureKind.Malformed, "What it answered has no result in it.");
        CheckWritten(limit);
        if (isCut)
            asked.NoteEndless(_claims.Counted, terms.MostOutput);
        _charged = asked.Judge([], _claims, request.InputTokens, terms.MostOutput);
        var price = Settle();
        var end = ServedEnd(ElapsedMs);
        visit.Leave(end);
        if (_unfit is { } unfit)
            return await TellUnfitAsync(unfit, price);
        if (_isAway)
            throw new ClientStalledException();
        if (request.WantsUsage && !isUsageTold)
            AnswerEdits.WriteUsage(answer.Writer, _replica.Model, request.Kind, Used, price);
        answer.WriteDone();
        await FlushAsync(limit);
        if (_isAway)
            throw new ClientStalledException();
        await answer.EndAsync(price);
        if (!isCut && !_isBelied)
            await DrainAsync(stream, buffer);
        return end;
    }

    /// <summary>Sends what was written. A client that does not take it is not the server's fault, and is waited for only as long as a stream may stand still.</summary>
    private async ValueTask FlushAsync(CancellationTokenSource limit)
    {
        if (_isAway)
            return;
        try
        {
            var flush = answer.FlushAsync();
            if (flush.IsCompletedSuccessfully)
                return;
            limit.CancelAfter(Timeout.InfiniteTimeSpan);
            try
            {
                await TakenAsync(flush.AsTask()).WaitAsync(TimeSpan.FromMilliseconds(options.IdleMs), answer.Gone);
            }
            catch (TimeoutException)
            {
                answer.Abort();
                throw new ClientStalledException();
            }
        }
        catch (Exception gone) when (_readsOn && gone is FormLimitException or ClientStalledException or OperationCanceledException or IOException)
        {
            // What the other node charges its receipt tells.
            (_isAway, _unfit) = (true, gone as FormLimitException);
        }

        limit.CancelAfter(options.IdleMs);
    }

    /// <summary>Waits until the client has taken what was sent. A replica that has written all by then is free for others, unless nothing more can be kept for the client: it is not to wait for him. That it has failed he learns later, and it counts now.</summary>
    private async Task TakenAsync(Task flush)
    {
        if (asked.Written is { } written && await Task.WhenAny(flush, written) == written && asked.TryKeep())
            visit.Leave(written.IsFaulted ? RequestEnd.Failed : RequestEnd.Abandoned);
        await flush;
    }

    private void CheckWritten(CancellationTokenSource limit)
    {
        if (_isAway)
            return;
        try
        {
            answer.CheckWritten();
        }
        catch (FormLimitException unfit) when (_readsOn)
        {
            (_isAway, _unfit) = (true, unfit);
            limit.CancelAfter(options.IdleMs);
        }
    }

    /// <summary>Reads what is left, so that the connection is good for more. The answer is whole: what happens here is nobody's fault.</summary>
    private static async Task DrainAsync(Stream stream, GrowingBuffer buffer)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            do
                buffer.Take(buffer.Length);
            while (await buffer.ReadAsync(stream, patience.Token) > 0);
        }
        catch (Exception broken) when (broken is IOException or HttpRequestException or OperationCanceledException)
        {
            // Then the connection is closed, and another one made.
        }
    }

    /// <summary>Takes an event, and sends it on or holds it back.</summary>
    /// <returns>Whether it was the last one.</returns>
    private bool Take(ReadOnlySpan<byte> @event, ArrayBufferWriter<byte> held, ref int finished, ref bool isUsageTold)
    {
        if (asked.TakeEvent(@event) is var kind and not ReceivedEvent.OfAnswer)
        {
            _isBelied = kind is ReceivedEvent.BeyondReceipt;
            return false;
        }

        if (!EventLines.TryFindData(@event, out var range))
            throw new UpstreamException(UpstreamFailureKind.Malformed, "It sent an event with several lines of data.");
        var data = @event[range];
        // Comments keep connections open, and say nothing.
        if (data.IsEmpty)
            return false;
        if (data.SequenceEqual("[DONE]"u8))
            return true;
        if (!AnswerReading.TryRead(data, out var reading))
            throw new UpstreamException(UpstreamFailureKind.Malformed, "It sent an event that is no JSON object.");
        if (reading.IsError)
            throw new UpstreamException(UpstreamFailureKind.ErrorInAnswer, "It sent an error.");
        _claims.Add(reading);
        finished += reading.Finished;
        if (reading.IsUsageAlone)
        {
            // What is known only at the end is told then.
            if (!request.WantsUsage || asked.IsPricedAtItsEnd)
                return false;
            isUsageTold = true;
        }

        if (!_isStarted && reading.HasOutput)
            Start(held);
        if (_isAway && _isStarted)
            return false;
        var output = _isStarted ? answer.Writer : held;
        output.Write("data: "u8);
        AnswerEdits.Write(output, data, reading, _replica.Model, reading.IsUsageAlone ? PriceOf(Bill().Used) : null);
        output.Write("\n\n"u8);
        return false;
    }

    /// <summary>From here on the client's answer is this one's.</summary>
    private void Win()
    {
        if (race is not null && !race.TryWin(this))
            throw new OperationCanceledException("Another replica was faster.");
        _isStarted = true;
        _firstTokenMs = ElapsedMs;
        visit.NoteWord();
    }

    private void Start(ArrayBufferWriter<byte> held)
    {
        Win();
        if (_isAway)
            return;
        answer.Begin(new AnswerHead(_replica, terms.WaitedMs, null));
        answer.Writer.Write(held.WrittenSpan);
    }

    private async Task<RequestEnd> TellUnfitAsync(FormLimitException unfit, Primitives.Money price)
    {
        await TellBrokenAsync(ErrorOf(unfit, price).Message);
        return ServedEnd(ElapsedMs);
    }

    /// <summary>It was written, and is paid: another replica would be paid, too.</summary>
    private static OpenAiError ErrorOf(FormLimitException unfit, Primitives.Money price) => new(
        502, "server_error", "answer_unfit", $"The answer cannot be given on in this form: {unfit.Message} It was written, and cost {price} USD. Ask for less, or by /v1/chat/completions.");

    private async Task TellBrokenAsync(string why)
    {
        var error = new OpenAiError(502, "server_error", "answer_broken", why);
        answer.Writer.Write("data: "u8);
        answer.Writer.Write(error.ToJson());
        answer.Writer.Write("\n\n"u8);
        await answer.FlushAsync();
    }

    private (TokenUsage Used, bool IsCorrected) Bill() => _claims.Bill(request.InputTokens, terms.MostOutput);

    private Primitives.Money PriceOf(TokenUsage used) => _replica.Priced.PriceOf(used);

    private Primitives.Money Settle()
    {
        if (_isSettled)
            return _price;
        _isSettled = true;
        Used = _charged?.Tokens ?? Bill().Used;
        _price = reservation.Settle(Used, _replica.Priced, _charged?.Price);
        asked.NotePaid(_price);
        return _price;
    }

    private sealed class ClientStalledException() : IOException("The client does not take the answer.");

    /// <param name="writtenMs">When the server had written all: how long the client takes to read it says nothing of the server.</param>
    private RequestEnd ServedEnd(double writtenMs) => new(RequestEndKind.Served, _firstTokenMs, writtenMs, Used.OutputTokens, Bill().IsCorrected);
}

/// <summary>What goes with a request to a replica.</summary>
/// <param name="MaxTokens">The most tokens of a choice, where the client has left it open.</param>
/// <param name="MostOutput">The most tokens that are billed for all choices.</param>
/// <param name="WaitedMs">How long it waited for the replica.</param>
/// <param name="PatienceMs">How long the replica has until something of its answer is there.</param>
internal readonly record struct ExchangeTerms(long MaxTokens, long MostOutput, double WaitedMs, int PatienceMs);

/// <summary>What a backend says of an answer, event by event, and what was counted here.</summary>
internal struct AnswerClaims
{
    private long? _input;
    private long? _output;
    private long _counted;

    /// <summary>Tokens of the answer so far, as they were counted here.</summary>
    public readonly long Counted => _counted;

    /// <summary>What the backend says that it has read; null when it does not say.</summary>
    public readonly long? Input => _input;

    /// <summary>What the backend says that it has written; null when it does not say.</summary>
    public readonly long? Output => _output;

    /// <summary>Adds what an answer says, or one event of it.</summary>
    public void Add(in AnswerReading reading)
    {
        _counted += reading.OutputTokens;
        _input = reading.ClaimedInput ?? _input;
        _output = reading.ClaimedOutput ?? _output;
    }

    /// <summary>What is billed.</summary>
    /// <param name="inputCounted">Tokens of the request, as they were counted here.</param>
    /// <param name="mostOutput">The most that the answer may have.</param>
    public readonly (TokenUsage Used, bool IsCorrected) Bill(long inputCounted, long mostOutput)
    {
        var (input, isInputCorrected) = TokenCount.Check(_input, inputCounted);
        var (output, isOutputCorrected) = TokenCount.Check(_output, _counted);
        return (new TokenUsage(input, Math.Min(output, mostOutput)), isInputCorrected || isOutputCorrected || output > mostOutput);
    }
}
