namespace Stoa.Primitives;

/// <summary>A kind of thing that has ids of its own.</summary>
public interface IIdentified
{
    /// <summary>The TypeID prefix of its ids, such as <c>task</c>: valid by <see cref="TypeId.IsValidPrefix"/> and never changed.</summary>
    static abstract string IdPrefix { get; }
}
