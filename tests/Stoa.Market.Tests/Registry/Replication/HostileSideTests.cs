using Stoa.Market.Registry.Replication;

namespace Stoa.Market.Tests.Registry.Replication;

/// <summary>Sides of a session that do not keep to it.</summary>
public sealed class HostileSideTests
{
    private static readonly SipKey s_nonce = new(1, 1);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<string> Answers => [.. s_answers.Keys];

    public static TheoryData<string> Questions => [.. s_questions.Keys];

    private static readonly Dictionary<string, Func<ReplicationMessage, ReplicationMessage>> s_answers = new()
    {
        ["symbols out of order"] = message => message is ReplicationMessage.Symbols symbols ? symbols with { First = 1 } : message,
        ["no symbols"] = message => message is ReplicationMessage.Symbols symbols ? symbols with { Coded = [] } : message,
        ["a statement that was not asked for"] = message => message is ReplicationMessage.Given given ? given with { Statements = [MemoryReplica.Make("other", 1)] } : message,
        ["a statement twice"] = message => message is ReplicationMessage.Given given ? given with { Statements = [given.Statements[0], given.Statements[0]] } : message,
        ["no progress"] = message => message is ReplicationMessage.Given given ? given with { Handled = 0, Statements = [] } : message,
        ["more than was asked for"] = message => message is ReplicationMessage.Given given ? given with { Handled = 200 } : message,
        ["a wish for what was not offered"] = message => message is ReplicationMessage.Wanted ? new ReplicationMessage.Wanted([1]) : message,
        ["another answer"] = message => message is ReplicationMessage.Given ? new ReplicationMessage.Taken(1) : message,
        ["a question"] = message => message is ReplicationMessage.Given ? new ReplicationMessage.More(1) : message,
    };

    private static readonly ReplicationMessage s_hello = new ReplicationMessage.Hello(s_nonce, new TugOfWarSketch().Read());

    private static readonly Dictionary<string, ReplicationMessage[]> s_questions = new()
    {
        ["no greeting"] = [new ReplicationMessage.More(5)],
        ["two greetings"] = [s_hello, s_hello],
        ["an answer"] = [s_hello, new ReplicationMessage.Busy()],
        ["a statement that was not offered"] = [s_hello, new ReplicationMessage.Give([MemoryReplica.Make("other", 1)])],
        ["no symbols"] = [s_hello, new ReplicationMessage.More(0)],
        ["symbols without end"] = [s_hello, .. Enumerable.Repeat(new ReplicationMessage.More(2_048), 4)],
        ["ranges without end"] = [s_hello, .. Enumerable.Repeat(new ReplicationMessage.Ranges([.. Enumerable.Repeat(new ItemRange(1, 2), 64)]), 513)],
        ["offers without end"] = [s_hello, .. Enumerable.Repeat(new ReplicationMessage.Offer([.. Enumerable.Range(0, 1_000).Select(number => (UInt128)number)]), 9)],
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task AnsweringSide_ThatBreaksTheProtocol_IsFoundOut(string how)
    {
        var (asking, answering) = (new MemoryReplica(1), new MemoryReplica(2));
        ReconciliationTests.Fill(asking, ("common", 100), ("ours", 5));
        ReconciliationTests.Fill(answering, ("common", 100), ("theirs", 5));
        var (there, back) = MemoryChannel.Pair(s_answers[how]);
        var answers = new AnsweringSide(answering, back, s_nonce).RunAsync(Stop);

        await Should.ThrowAsync<InvalidDataException>(() => new AskingSide(asking, there, s_nonce, 0).RunAsync(Stop));

        there.End();
        await answers;
    }

    [Theory]
    [MemberData(nameof(Questions))]
    public async Task AskingSide_ThatBreaksTheProtocol_IsFoundOut(string how)
    {
        var answering = new MemoryReplica(2);
        ReconciliationTests.Fill(answering, ("theirs", 100));
        var (there, back) = MemoryChannel.Pair();
        foreach (var question in s_questions[how])
            await there.SendAsync(question.Write(), Stop);
        there.End();

        await Should.ThrowAsync<InvalidDataException>(() => new AnsweringSide(answering, back, s_nonce).RunAsync(Stop));
    }

    [Fact]
    public async Task RangesOfAnAnsweringSide_WithoutEnd_AreFoundOut()
    {
        var asking = new MemoryReplica(1);
        ReconciliationTests.Fill(asking, ("ours", 10));
        var (there, back) = MemoryChannel.Pair();
        var hostile = Task.Run(
            async () =>
            {
                while (await back.ReceiveAsync(1 << 20, Stop) is { } bytes)
                {
                    switch (ReplicationMessage.Read(bytes.Span))
                    {
                        case ReplicationMessage.Hello:
                            await back.SendAsync(new ReplicationMessage.Welcome(s_nonce, s_nonce, 1_000_000).Write(), Stop);
                            await back.SendAsync(new ReplicationMessage.Symbols(0, 5, [default]).Write(), Stop);
                            break;
                        case ReplicationMessage.Ranges ranges:
                            // Each in two halves, which both differ.
                            await back.SendAsync(
                                new ReplicationMessage.RangeAnswers(
                                    [.. ranges.Asked.Select(range => new RangeAnswer(null, [new(range.First + ((range.Last - range.First) / 2), new(9, 9)), new(range.Last, new(9, 8))]))]).Write(),
                                Stop);
                            break;
                        default:
                            await back.SendAsync(new ReplicationMessage.Wanted([]).Write(), Stop);
                            break;
                    }
                }
            },
            Stop);

        try
        {
            var report = await new AskingSide(asking, there, s_nonce, pageFrom: null).RunAsync(Stop);
            (report.IsComplete, report.Ranges <= ReplicationLimits.MaxRanges).ShouldBe((false, true));
        }
        catch (InvalidDataException)
        {
            // Halves of one item have the same end.
        }

        there.End();
        await hostile;
    }

    [Fact]
    public async Task ForgedStatements_EndTheSession()
    {
        var (asking, answering) = (new MemoryReplica(1), new MemoryReplica(2));
        ReconciliationTests.Fill(asking, ("ours", 5));
        ReconciliationTests.Fill(answering, ("theirs", 5));
        var forged = MemoryReplica.Make("forged", 1);
        // It is in the set of the other side, though nobody would take it.
        answering.Index.Apply([forged.Id], []);
        var (there, back) = MemoryChannel.Pair(message => message is ReplicationMessage.Given given ? given with { Statements = [.. given.Statements, forged] } : message);
        var answers = new AnsweringSide(answering, back, s_nonce).RunAsync(Stop);

        var report = await new AskingSide(asking, there, s_nonce, 0).RunAsync(Stop);

        (report.Intake.Taken, report.Intake.Forged, report.Given).ShouldBe((5, 1, 0));
        there.End();
        await answers;
    }

    [Fact]
    public void Messages_OfRandomBytes_AreRefusedAsSuch()
    {
        var random = new Random(11);
        for (var number = 0; number < 20_000; number++)
        {
            var bytes = new byte[random.Next(80)];
            random.NextBytes(bytes);
            if (bytes.Length > 0 && number % 2 == 0)
                bytes[0] = (byte)(random.Next(2) == 0 ? random.Next(8) : random.Next(128, 136));
            try
            {
                ReplicationMessage.Read(bytes).Write().Length.ShouldBeGreaterThan(0);
            }
            catch (InvalidDataException)
            {
                // As it should be.
            }
        }
    }

    [Fact]
    public void Unwanted_HasAnEndAndForgets()
    {
        var unwanted = new UnwantedStatements(TimeProvider.System, capacity: 10);
        for (var number = 0; number < 25; number++)
            unwanted.Add((UInt128)number, TimeSpan.FromHours(1));
        unwanted.Add(99, TimeSpan.Zero);

        unwanted.Count.ShouldBeLessThanOrEqualTo(10);
        (unwanted.Contains(24), unwanted.Contains(0), unwanted.Contains(99)).ShouldBe((true, false, false));
    }
}
