using System.Buffers;

namespace Stoa.Market.Audit;

/// <summary>Why an exported audit log is not to be believed.</summary>
public enum AuditFault
{
    /// <summary>It does not begin as an exported log does.</summary>
    NotAnAuditLog,

    /// <summary>A line is neither an entry nor the seal of a block, or is too long.</summary>
    LineUnreadable,

    /// <summary>An entry or a block has another number than the one that comes next.</summary>
    NumberDiffers,

    /// <summary>The hash of a block is not the one that follows from its lines and the hash before.</summary>
    HashDiffers,

    /// <summary>It ends in the middle of a block.</summary>
    Unsealed,

    /// <summary>A checkpoint was signed of another log.</summary>
    CheckpointDiffers,

    /// <summary>The blocks that a checkpoint was signed of are not in the log any more: it begins behind them.</summary>
    CheckpointTooOld,
}

/// <summary>One thing that is wrong with an audit log.</summary>
public sealed record AuditFinding(AuditFault Fault, string Detail);

/// <summary>Goes through an exported audit log line by line and tells whether it is whole: numbers without gaps, each hash from the one before it, and agreement with checkpoints.</summary>
/// <remarks>It needs nothing but the file, so whoever has one can check it without the node.</remarks>
public sealed class AuditCheck(IReadOnlyList<AuditCheckpoint> checkpoints)
{
    /// <summary>How many findings are kept; beyond them they are only counted.</summary>
    public const int MaxFindings = 20;

    private readonly List<AuditFinding> _findings = [];
    private readonly HashSet<AuditCheckpoint> _seen = [];
    private readonly ArrayBufferWriter<byte> _open = new();
    private int _openCount;
    private bool _hasBegun;
    private bool _isForeign;

    /// <summary>Where the log stood before the first entry that it still has.</summary>
    public AuditHead Start { get; private set; } = AuditHead.Empty;

    /// <summary>Where it ends.</summary>
    public AuditHead Head { get; private set; } = AuditHead.Empty;

    /// <summary>How many entries were read.</summary>
    public long EntryCount { get; private set; }

    /// <summary>What is wrong, the first <see cref="MaxFindings"/> of it.</summary>
    public IReadOnlyList<AuditFinding> Findings => _findings;

    /// <summary>How much is wrong.</summary>
    public int FindingCount { get; private set; }

    /// <summary>Takes the next line, without its line feed.</summary>
    public void Add(ReadOnlyMemory<byte> line)
    {
        if (_isForeign)
            return;
        if (!_hasBegun)
            Begin(line);
        else if (line.Length > AuditEntry.MaxLineLength)
            Report(AuditFault.LineUnreadable, $"A line behind entry {Head.Entry + _openCount} is longer than any entry.");
        else if (line.Span.StartsWith("{\"entry\":"u8))
            AddEntry(line);
        else
            Seal(line);
    }

    /// <summary>Says that there are no more lines.</summary>
    public void Close()
    {
        if (!_hasBegun)
            Report(AuditFault.NotAnAuditLog, "The file is empty.");
        if (_openCount > 0)
            Report(AuditFault.Unsealed, $"The last {_openCount} entries are of a block that has no end: the file was cut off.");
        if (_isForeign)
            return;
        foreach (var checkpoint in checkpoints.Where(checkpoint => !_seen.Contains(checkpoint)))
        {
            if (checkpoint.Head.Block < Start.Block)
                Report(AuditFault.CheckpointTooOld, $"The log begins behind block {Start.Block}: what was signed on {checkpoint.TakenAt:u}, block {checkpoint.Head.Block}, is not in it any more. Check by a later checkpoint.");
            else
                Report(AuditFault.CheckpointDiffers, $"The log ends with block {Head.Block}, but block {checkpoint.Head.Block} was signed on {checkpoint.TakenAt:u}: what came last is missing.");
        }
    }

    private void Begin(ReadOnlyMemory<byte> line)
    {
        _hasBegun = true;
        try
        {
            Head = Start = AuditFile.ReadBegin(line);
            Compare();
        }
        catch (FormatException)
        {
            _isForeign = true;
            Report(AuditFault.NotAnAuditLog, $"The file does not begin with {{\"form\":\"{AuditFile.Form}\", …}}: export it anew with stoa audit export, as an administrator of the node: what others export, their own entries, is no chain.");
        }
    }

    private void AddEntry(ReadOnlyMemory<byte> line)
    {
        EntryCount++;
        if (_openCount == AuditBlock.MaxCount)
        {
            Report(AuditFault.Unsealed, $"Behind entry {Head.Entry} come more entries than a block has.");
            return;
        }

        _openCount++;
        _open.Write(line.Span);
        _open.Write("\n"u8);
        try
        {
            var number = AuditEntry.Read(line).Number;
            if (number != Head.Entry + _openCount)
                Report(AuditFault.NumberDiffers, $"Entry {number} is where {Head.Entry + _openCount} is expected.");
        }
        catch (FormatException unreadable)
        {
            Report(AuditFault.LineUnreadable, $"Entry {Head.Entry + _openCount}: {unreadable.Message}");
        }
    }

    private void Seal(ReadOnlyMemory<byte> line)
    {
        AuditHead stated;
        try
        {
            stated = AuditFile.ReadSeal(line);
        }
        catch (FormatException unreadable)
        {
            Report(AuditFault.LineUnreadable, $"Behind entry {Head.Entry + _openCount}: {unreadable.Message}");
            return;
        }

        var block = new AuditBlock(stated.Block, Head.Entry + 1, _openCount, _open.WrittenSpan.ToArray(), stated.Hash);
        if (stated.Block != Head.Block + 1 || stated.Entry != Head.Entry + _openCount)
            Report(AuditFault.NumberDiffers, $"Block {stated.Block}, to entry {stated.Entry}, is where block {Head.Block + 1}, to entry {Head.Entry + _openCount}, is expected.");
        else if (!block.Follows(Head))
            Report(AuditFault.HashDiffers, $"The hash of block {stated.Block} does not follow from its entries and the hash before: one of entries {Head.Entry + 1} to {stated.Entry} was changed.");
        // From what it states the rest is checked on its own, so that one change is one finding.
        Head = stated;
        _open.ResetWrittenCount();
        _openCount = 0;
        Compare();
    }

    private void Compare()
    {
        foreach (var checkpoint in checkpoints.Where(checkpoint => checkpoint.Head.Block == Head.Block && _seen.Add(checkpoint)))
        {
            if (checkpoint.Head != Head)
                Report(AuditFault.CheckpointDiffers, $"By the checkpoint of {checkpoint.TakenAt:u} block {Head.Block} is {checkpoint.Head.Hash}; in the log it is another: what came before was changed.");
        }
    }

    private void Report(AuditFault fault, string detail)
    {
        FindingCount++;
        if (_findings.Count < MaxFindings)
            _findings.Add(new AuditFinding(fault, detail));
    }
}
