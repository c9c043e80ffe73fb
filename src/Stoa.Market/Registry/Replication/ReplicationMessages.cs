namespace Stoa.Market.Registry.Replication;

/// <summary>A message of a reconciliation: a byte that says which one it is, and its members. The asking side sends those below 128, the other one the rest.</summary>
public abstract record ReplicationMessage
{
    private protected ReplicationMessage()
    {
    }

    private protected abstract byte Type { get; }

    /// <summary>The bytes of it.</summary>
    public ReadOnlyMemory<byte> Write()
    {
        var writer = new WireWriter().Byte(Type);
        Write(writer);
        return writer.Bytes;
    }

    /// <summary>Reads one.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static ReplicationMessage Read(ReadOnlySpan<byte> bytes)
    {
        var reader = new WireReader(bytes);
        ReplicationMessage message = reader.Byte() switch
        {
            1 => new Hello(reader.Key(), reader.SignedNumbers(TugOfWarSketch.Length)),
            2 => new More(reader.Count(ReplicationLimits.MaxSymbols)),
            3 => Ranges.Read(ref reader),
            4 => new Page(reader.Item()),
            5 => new Want(reader.Items(ReplicationLimits.MaxWantedAtOnce)),
            6 => new Offer(reader.Items(ReplicationLimits.MaxOfferedAtOnce)),
            7 => new Give(reader.Statements()),
            128 => new Busy(),
            129 => new Welcome(reader.Key(), reader.Key(), reader.Count(int.MaxValue)),
            130 => Symbols.Read(ref reader),
            131 => RangeAnswers.Read(ref reader),
            132 => new Given(reader.Count(ReplicationLimits.MaxWantedAtOnce), reader.Statements()),
            133 => new Paged(reader.Byte() == 1, reader.Item(), reader.Statements()),
            134 => new Wanted(reader.Items(ReplicationLimits.MaxOfferedAtOnce)),
            135 => new Taken(reader.Count(ReplicationLimits.MaxStatementsAtOnce)),
            _ => throw new InvalidDataException("A message of the registry is of no kind that there is."),
        };
        reader.End();
        return message;
    }

    private protected abstract void Write(WireWriter writer);

    /// <summary>Begins, and asks for as many symbols as it seems to take.</summary>
    /// <param name="Nonce">What the asking side has drawn for the session.</param>
    /// <param name="TugOfWar">The <see cref="ReplicaIndex.TugOfWar"/> of the asking side.</param>
    public sealed record Hello(SipKey Nonce, IReadOnlyList<int> TugOfWar) : ReplicationMessage
    {
        private protected override byte Type => 1;

        private protected override void Write(WireWriter writer)
        {
            writer.Key(Nonce);
            foreach (var number in TugOfWar)
                writer.Signed(number);
        }
    }

    /// <summary>Asks for the symbols that come next.</summary>
    /// <param name="Count">How many.</param>
    public sealed record More(int Count) : ReplicationMessage
    {
        private protected override byte Type => 2;

        private protected override void Write(WireWriter writer) => writer.Number(Count);
    }

    /// <summary>Asks what is in ranges.</summary>
    public sealed record Ranges(IReadOnlyList<ItemRange> Asked) : ReplicationMessage
    {
        private protected override byte Type => 3;

        internal static Ranges Read(ref WireReader reader)
        {
            var count = reader.Count(ReplicationLimits.MaxRangesAtOnce);
            var asked = new List<ItemRange>(count);
            for (var number = 0; number < count; number++)
            {
                var range = new ItemRange(reader.Item(), reader.Item());
                if (range.Last < range.First)
                    WireReader.Throw("a range ends before it begins");
                asked.Add(range);
            }

            return new Ranges(asked);
        }

        private protected override void Write(WireWriter writer)
        {
            writer.Number(Asked.Count);
            foreach (var range in Asked)
                writer.Item(range.First).Item(range.Last);
        }
    }

    /// <summary>Asks for all statements in order.</summary>
    /// <param name="From">The first item.</param>
    public sealed record Page(UInt128 From) : ReplicationMessage
    {
        private protected override byte Type => 4;

        private protected override void Write(WireWriter writer) => writer.Item(From);
    }

    /// <summary>Asks for statements.</summary>
    public sealed record Want(IReadOnlyList<UInt128> Items) : ReplicationMessage
    {
        private protected override byte Type => 5;

        private protected override void Write(WireWriter writer) => writer.Items(Items);
    }

    /// <summary>Says what the asking side has and the other one, as it seems, has not.</summary>
    public sealed record Offer(IReadOnlyList<UInt128> Items) : ReplicationMessage
    {
        private protected override byte Type => 6;

        private protected override void Write(WireWriter writer) => writer.Items(Items);
    }

    /// <summary>Statements that the other side wants.</summary>
    public sealed record Give(IReadOnlyList<SignedStatement> Statements) : ReplicationMessage
    {
        private protected override byte Type => 7;

        private protected override void Write(WireWriter writer) => writer.Statements(Statements);
    }

    /// <summary>The other side has no time now, or does not know yet what it has. It ends the session.</summary>
    public sealed record Busy : ReplicationMessage
    {
        private protected override byte Type => 128;

        private protected override void Write(WireWriter writer)
        {
        }
    }

    /// <summary>The answer to <see cref="Hello"/>. The symbols follow.</summary>
    /// <param name="Nonce">What the answering side has drawn for the session.</param>
    /// <param name="Key">What its symbols are under.</param>
    /// <param name="Count">How many statements it has.</param>
    public sealed record Welcome(SipKey Nonce, SipKey Key, int Count) : ReplicationMessage
    {
        private protected override byte Type => 129;

        private protected override void Write(WireWriter writer) => writer.Key(Nonce).Key(Key).Number(Count);
    }

    /// <summary>Symbols that follow those that were sent before.</summary>
    /// <param name="First">The index of the first.</param>
    /// <param name="Total">How many items the set has: counts are told as what they are beyond the expected.</param>
    /// <param name="Coded">The symbols.</param>
    public sealed record Symbols(int First, int Total, IReadOnlyList<CodedSymbol> Coded) : ReplicationMessage
    {
        private protected override byte Type => 130;

        internal static Symbols Read(ref WireReader reader)
        {
            var first = reader.Count(ReplicationLimits.MaxSymbols);
            var total = reader.Count(int.MaxValue);
            var count = reader.Count(ReplicationLimits.MaxSymbols);
            var coded = new List<CodedSymbol>(count);
            for (var number = 0; number < count; number++)
                coded.Add(new CodedSymbol(reader.Item(), reader.Fixed32(), unchecked(reader.Signed() + Expected(total, first + number))));
            return new Symbols(first, total, coded);
        }

        private protected override void Write(WireWriter writer)
        {
            writer.Number(First).Number(Total).Number(Coded.Count);
            for (var number = 0; number < Coded.Count; number++)
                writer.Item(Coded[number].Sum).Fixed(Coded[number].Check).Signed(unchecked(Coded[number].Count - Expected(Total, First + number)));
        }

        private static int Expected(int total, int index) => (int)(2L * total / (index + 2));
    }

    /// <summary>What is in ranges, in the order in which they were asked for.</summary>
    public sealed record RangeAnswers(IReadOnlyList<RangeAnswer> Answers) : ReplicationMessage
    {
        private protected override byte Type => 131;

        internal static RangeAnswers Read(ref WireReader reader)
        {
            var count = reader.Count(ReplicationLimits.MaxRangesAtOnce);
            var answers = new List<RangeAnswer>(count);
            for (var number = 0; number < count; number++)
            {
                var parts = reader.Count(RangeView.Parts);
                if (parts == 0)
                {
                    answers.Add(new RangeAnswer(reader.Items(RangeView.MaxItems), []));
                    continue;
                }

                var read = new List<RangePart>(parts);
                for (var part = 0; part < parts; part++)
                    read.Add(new RangePart(reader.Item(), new RangeSum(reader.Count(int.MaxValue), reader.Fixed64())));
                answers.Add(new RangeAnswer(null, read));
            }

            return new RangeAnswers(answers);
        }

        private protected override void Write(WireWriter writer)
        {
            writer.Number(Answers.Count);
            foreach (var answer in Answers)
            {
                writer.Number(answer.Parts.Count);
                if (answer.Items is { } items)
                    writer.Items(items);
                foreach (var part in answer.Parts)
                    writer.Item(part.Last).Number(part.Sum.Count).Fixed(part.Sum.Sum);
            }
        }
    }

    /// <summary>Statements that were asked for.</summary>
    /// <param name="Handled">How many of the items this is the answer to, from the first on; the others may be asked for again.</param>
    /// <param name="Statements">Those that are there.</param>
    public sealed record Given(int Handled, IReadOnlyList<SignedStatement> Statements) : ReplicationMessage
    {
        private protected override byte Type => 132;

        private protected override void Write(WireWriter writer) => writer.Number(Handled).Statements(Statements);
    }

    /// <summary>Statements in order.</summary>
    /// <param name="IsLast">Whether there are no more.</param>
    /// <param name="Next">Where the next ones begin.</param>
    /// <param name="Statements">The statements.</param>
    public sealed record Paged(bool IsLast, UInt128 Next, IReadOnlyList<SignedStatement> Statements) : ReplicationMessage
    {
        private protected override byte Type => 133;

        private protected override void Write(WireWriter writer) => writer.Byte(IsLast ? (byte)1 : (byte)0).Item(Next).Statements(Statements);
    }

    /// <summary>Which of the offered the other side would have. The asking side gives them next, or goes on without.</summary>
    public sealed record Wanted(IReadOnlyList<UInt128> Items) : ReplicationMessage
    {
        private protected override byte Type => 134;

        private protected override void Write(WireWriter writer) => writer.Items(Items);
    }

    /// <summary>What was given has been looked at; more may be given.</summary>
    /// <param name="Count">How many of them are kept.</param>
    public sealed record Taken(int Count) : ReplicationMessage
    {
        private protected override byte Type => 135;

        private protected override void Write(WireWriter writer) => writer.Number(Count);
    }
}
