using System.Collections.Immutable;
using Stoa.Wasm.Binary;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Fuzz.Generation;

/// <summary>Blocks, loops, branches, code that nothing reaches.</summary>
internal sealed partial class FunctionGenerator
{
    /// <summary>Writes a block, loop or if of a type; its parameters are there, and it may be given more of its own.</summary>
    private void Construct(ImmutableArray<ValueKind> parameters, ImmutableArray<ValueKind> results, int depth)
    {
        if (_random.Chance(20))
        {
            ImmutableArray<ValueKind> more = [.. _shape.Kinds(_random, _random.Between(1, 3))];
            foreach (var kind in more)
                Value(kind, depth + 1);
            parameters = parameters.AddRange(more);
        }

        int nested = depth < MaxDepth && _random.Chance(1) ? _random.Between(10, 60) : 0;
        for (int i = 0; i < nested; i++)
        {
            WriteBlockStart(Opcode.Block, parameters, results);
            _labels.Add(new Label(results, -1));
        }

        switch (_random.Below(10))
        {
            case < 4:
                Enclose(Opcode.Block, parameters, results, depth);
                break;
            case < 7:
                Loop(parameters, results, depth);
                break;
            default:
                Condition(depth);
                Enclose(Opcode.If, parameters, results, depth, hasElse: _random.Chance(70) || !parameters.SequenceEqual(results));
                break;
        }

        for (int i = 0; i < nested; i++)
        {
            _labels.RemoveAt(_labels.Count - 1);
            _code.Op(Opcode.End);
        }
    }

    private void WriteBlockStart(Opcode opcode, ImmutableArray<ValueKind> parameters, ImmutableArray<ValueKind> results)
    {
        _code.Op(opcode);
        if (parameters.IsEmpty && results.Length <= 1)
            _code.Byte(results.IsEmpty ? 0x40 : (byte)results[0]);
        else
            _code.Signed(_shape.TypeIndex(new FunctionType(parameters.AsSpan(), results.AsSpan())));
    }

    private void Enclose(Opcode opcode, ImmutableArray<ValueKind> parameters, ImmutableArray<ValueKind> results, int depth, bool hasElse = false)
    {
        WriteBlockStart(opcode, parameters, results);
        _labels.Add(new Label(results, -1));
        Body([.. parameters], results, depth + 1);
        if (hasElse)
        {
            _code.Op(Opcode.Else);
            Body([.. parameters], results, depth + 1);
        }

        _labels.RemoveAt(_labels.Count - 1);
        _code.Op(Opcode.End);
    }

    private void Loop(ImmutableArray<ValueKind> parameters, ImmutableArray<ValueKind> results, int depth)
    {
        int counter = NewLocal(I32);
        _code.I32(_random.Between(1, 6));
        _code.Op(Opcode.LocalSet, counter);
        WriteBlockStart(Opcode.Loop, parameters, results);
        _labels.Add(new Label(parameters, counter));
        TakeFromBudget();
        Body([.. parameters], results, depth + 1);
        // Once more from the start, with the results still there where the loop takes nothing.
        if (parameters.IsEmpty && _random.Chance(80))
        {
            CountTurn(counter);
            _code.Op(Opcode.BrIf, 0);
        }

        _labels.RemoveAt(_labels.Count - 1);
        _code.Op(Opcode.End);
    }

    /// <summary>Leaves whether a loop has turns left.</summary>
    private void CountTurn(int counter)
    {
        _code.Op(Opcode.LocalGet, counter);
        _code.I32(1);
        _code.Op(Opcode.I32Sub);
        _code.Op(Opcode.LocalTee, counter);
        _code.I32(0);
        _code.Op(Opcode.I32GtS);
    }

    /// <summary>Writes the inside of a block: from operands of some kinds to operands of others.</summary>
    private void Body(List<ValueKind> stack, ImmutableArray<ValueKind> results, int depth)
    {
        int steps = _random.Between(depth == 0 ? 4 : 0, depth == 0 ? 12 : 4);
        for (int i = 0; i < steps || (depth == 0 && _left > 0); i++)
        {
            if (_left <= 0 && i > 0)
                break;
            if (_random.Chance(35))
                Mix(stack, depth);
            else
                Statement(depth);
            if (depth > 0 && _random.Chance(3))
            {
                Leave(stack, depth);
                return;
            }
        }

        Settle(stack, results, depth);
    }

    /// <summary>Uses what is on top of the operands, or adds to them, without any plan.</summary>
    private void Mix(List<ValueKind> stack, int depth)
    {
        int choice = _random.Below(10);
        if (stack.Count > 0 && choice < 5)
        {
            var rows = Production.Values.Where(row => EndsWith(stack, row.Operands) && (_shape.HasVectors || !row.IsVector)).ToArray();
            if (rows.Length > 0)
            {
                var row = _random.Pick<Production>(rows);
                stack.RemoveRange(stack.Count - row.Operands.Length, row.Operands.Length);
                Finish(row);
                stack.Add(row.Result);
                return;
            }
        }

        if (stack.Count > 0 && choice < 7)
        {
            TakeOff(stack[^1]);
            stack.RemoveAt(stack.Count - 1);
        }
        else if (stack.Count < 12)
        {
            var kind = _shape.Kind(_random);
            Value(kind, depth + 1);
            stack.Add(kind);
        }
    }

    private static bool EndsWith(List<ValueKind> stack, ValueKind[] operands)
    {
        if (operands.Length > stack.Count)
            return false;
        for (int i = 1; i <= operands.Length; i++)
        {
            if (operands[^i] != stack[^i])
                return false;
        }

        return true;
    }

    /// <summary>Makes the operands those that a block has to leave: keeps what fits from below, takes off the rest, adds what is missing.</summary>
    private void Settle(List<ValueKind> stack, ImmutableArray<ValueKind> results, int depth)
    {
        int fitting = 0;
        while (fitting < stack.Count && fitting < results.Length && stack[fitting] == results[fitting])
            fitting++;
        for (int i = stack.Count - 1; i >= fitting; i--)
            TakeOff(stack[i]);
        for (int i = fitting; i < results.Length; i++)
            Value(results[i], depth + 1);
    }

    /// <summary>Goes somewhere else for good, and writes code behind it that nothing reaches.</summary>
    private void Leave(List<ValueKind> stack, int depth)
    {
        int target = _random.Below(_labels.Count);
        var label = _labels[^(target + 1)];
        switch (_random.Below(_shape.IsCautious ? 4 : 5))
        {
            case 0 when _random.Chance(50):
                TailCall(depth);
                break;
            case 0:
                foreach (var kind in _type.Results)
                    Value(kind, depth + 1);
                _code.Op(Opcode.Return);
                break;
            case 1 when BranchTable(label.Kinds, depth):
                break;
            case 4:
                _code.Op(Opcode.Unreachable);
                break;
            default:
                // A loop is entered again only while its counter lasts; what would be endless traps.
                if (label.IsLoop)
                {
                    CountTurn(label.Counter);
                    _code.Op(Opcode.I32Eqz);
                    _code.Op(Opcode.If);
                    _code.Byte(0x40);
                    _labels.Add(new Label([], -1));
                    foreach (var kind in _type.Results)
                        Value(kind, depth + 1);
                    _code.Op(Opcode.Return);
                    _labels.RemoveAt(_labels.Count - 1);
                    _code.Op(Opcode.End);
                }

                foreach (var kind in label.Kinds)
                    Value(kind, depth + 1);
                _code.Op(Opcode.Br, target);
                break;
        }

        stack.Clear();
        Unreached(depth);
    }

    /// <summary>Instructions that find their operands where there are none.</summary>
    private void Unreached(int depth)
    {
        var known = new List<ValueKind>();
        for (int i = _random.Below(6); i > 0; i--)
        {
            var row = _random.Pick(Production.Values);
            if (row.IsVector && !_shape.HasVectors)
                continue;
            int fits = known.Count;
            for (int k = 0; k < row.Operands.Length && k < known.Count; k++)
            {
                if (known[^(k + 1)] != row.Operands[^(k + 1)])
                    fits = 0;
            }

            if (fits == 0 && known.Count > 0)
            {
                for (; known.Count > 0; known.RemoveAt(known.Count - 1))
                    _code.Op(Opcode.Drop);
            }

            _code.Bytes(row.Code);
            WriteLanes(row);
            known.RemoveRange(Math.Max(known.Count - row.Operands.Length, 0), Math.Min(row.Operands.Length, known.Count));
            known.Add(row.Result);
        }

        for (; known.Count > 0; known.RemoveAt(known.Count - 1))
            _code.Op(Opcode.Drop);
        if (_random.Chance(20))
            Statement(depth + 1);
        if (_random.Chance(20))
            _code.Op(_random.Chance(50) ? Opcode.Drop : Opcode.Unreachable);
        if (_random.Chance(20))
        {
            _code.Op(Opcode.Select);
            _code.Op(Opcode.Drop);
        }
    }

    /// <summary>Branches somewhere under a condition.</summary>
    private void Branch(int depth)
    {
        int target = _random.Below(_labels.Count);
        var label = _labels[^(target + 1)];
        foreach (var kind in label.Kinds)
            Value(kind, depth + 1);
        if (label.IsLoop)
            CountTurn(label.Counter);
        else
            Condition(depth);
        _code.Op(Opcode.BrIf, target);
        foreach (var kind in label.Kinds.Reverse())
            TakeOff(kind);
    }

    /// <summary>Leaves a value that a branch may take along instead.</summary>
    private bool BranchAround(ValueKind kind, int depth)
    {
        var targets = Enumerable.Range(0, _labels.Count).Where(i => !_labels[^(i + 1)].IsLoop && _labels[^(i + 1)].Kinds is [var only] && only == kind).ToArray();
        if (targets.Length == 0)
            return false;
        Value(kind, depth + 1);
        Value(I32, depth + 1);
        _code.Op(Opcode.BrIf, _random.Pick<int>(targets));
        return true;
    }

    private bool BranchTable(ImmutableArray<ValueKind> kinds, int depth)
    {
        var targets = Enumerable.Range(0, _labels.Count).Where(i => !_labels[^(i + 1)].IsLoop && _labels[^(i + 1)].Kinds.SequenceEqual(kinds)).ToArray();
        if (targets.Length == 0)
            return false;
        foreach (var kind in kinds)
            Value(kind, depth + 1);
        Value(I32, depth + 1);
        int count = _random.Chance(5) ? _random.Between(20, 300) : _random.Below(6);
        if (_random.Chance(70))
        {
            _code.I32(count + 1);
            _code.Op(Opcode.I32RemU);
        }

        _code.Op(Opcode.BrTable, count);
        for (int i = 0; i <= count; i++)
            _code.Number((uint)_random.Pick<int>(targets));
        return true;
    }
}
