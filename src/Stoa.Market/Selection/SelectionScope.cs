namespace Stoa.Market.Selection;

/// <summary>Where an agent is looked for when only the work is named.</summary>
public enum SelectionScope
{
    /// <summary>Among the agents of the cell; when none of them fits, among those of the network.</summary>
    CellFirst,

    /// <summary>Among the agents of the cell alone.</summary>
    Cell,

    /// <summary>Among those of the cell and of the network alike.</summary>
    Network,
}
